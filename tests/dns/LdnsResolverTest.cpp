#include "dns/LdnsResolver.h"

#include <future>

#include <cstdio>
#include <fstream>

#include "dns/Server.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dns;
using mox::test::DnsServer;
using mox::test::Reply;
using mox::test::replyTo;
using namespace std::chrono_literals;

struct LdnsResolverTest : test::Suite<LdnsResolverTest> {
  static void list(List& l) {
    l.add("records of each type", &LdnsResolverTest::types);
    l.add("AD counts from loopback", &LdnsResolverTest::authentic);
    l.add("replies with wrong id, question or shape are ignored", &LdnsResolverTest::spoofs);
    l.add("truncated answers come over TCP", &LdnsResolverTest::truncation);
    l.add("an answer of 64 KB", &LdnsResolverTest::large);
    l.add("no such name is not no such record", &LdnsResolverTest::negative);
    l.add("SERVFAIL goes to the next server, bogus does not", &LdnsResolverTest::failures);
    l.add("silence ends at the deadline, a closed port at once", &LdnsResolverTest::silence);
    l.add("stop ends a lookup under way, and all to come", &LdnsResolverTest::stop);
    l.add("CNAME chains and loops", &LdnsResolverTest::aliases);
    l.add("names that cannot be asked for", &LdnsResolverTest::names);
    l.add("unusable records are dropped if others are good", &LdnsResolverTest::unusable);
    l.add("localhost is answered here", &LdnsResolverTest::localhost);
    l.add("resolv.conf", &LdnsResolverTest::resolvConf);
  }

  SystemClock clock;
  SystemRandom random;
  Ask soon() { return Ask(clock.steady() + 5s); }

  LdnsResolver resolver(std::vector<Endpoint> servers, Duration tryTime = 2s, unsigned rounds = 1) {
    LdnsResolver::Options options;
    options.servers = std::move(servers);
    options.tryTime = tryTime;
    options.rounds = rounds;
    return LdnsResolver(clock, random, options);
  }

  static DnsServer::Answer always(Reply reply) {
    return [reply](const std::string& query, bool) { return std::vector{replyTo(query, reply)}; };
  }

  void types() {
    DnsServer server(always({{"example.org. 60 IN A 192.0.2.1", "example.org. 30 IN A 192.0.2.2", "example.org. 60 IN MX 10 Mx.Example.org.",
                              "example.org. 60 IN MX 0 .", "example.org. 60 IN TXT \"v=spf1 \" \"-all\"", "example.org. 60 IN AAAA 2001:db8::1",
                              "example.org. 60 IN TLSA 3 1 1 00ff", "example.org. 60 IN SRV 1 2 587 host.example.org.",
                              "example.org. 60 IN NS ns.example.org.", "example.org. 60 IN CAA 128 Issue \"ca.example; policy=ev\""},
                             {}}));
    auto dns = resolver({server.endpoint()});
    auto a = dns.a("EXAMPLE.org.", soon());
    CHECK(a.has_value());
    CHECK_EQ(std::size_t(2), a->records.size());
    CHECK(a->ttl == 30s);
    CHECK_EQ(std::string("example.org."), a->name);
    CHECK(!a->authentic);
    CHECK_EQ(std::string("2001:db8::1"), dns.aaaa("example.org.", soon())->records.at(0).text());
    CHECK_EQ(std::size_t(3), dns.addresses("example.org.", soon())->records.size());
    auto mx = dns.mx("example.org.", soon());
    CHECK_EQ(std::string("mx.example.org."), mx->records.at(0).host);
    CHECK_EQ(std::string("."), mx->records.at(1).host);
    CHECK_EQ(std::string("v=spf1 -all"), dns.txt("example.org.", soon())->records.at(0));
    CHECK_EQ(std::string("\x00\xff", 2), dns.tlsa("example.org.", soon())->records.at(0).data);
    CHECK_EQ(std::uint16_t(587), dns.srv("example.org.", soon())->records.at(0).port);
    CHECK_EQ(std::string("ns.example.org."), dns.ns("example.org.", soon())->records.at(0));
    CHECK(dns.caa("example.org.", soon())->records.at(0) == (dns::Caa{128, "issue", "ca.example; policy=ev"}));
  }

  void authentic() {
    DnsServer server(always({{"example.org. 60 IN A 192.0.2.1"}, {}, 0, true}));
    CHECK(resolver({server.endpoint()}).a("example.org.", soon())->authentic);
  }

  void spoofs() {
    DnsServer server([](const std::string& query, bool) {
      std::string good = replyTo(query, {{"example.org. 60 IN A 192.0.2.1"}, {}});
      std::string wrongId = good, wrongName = good, notResponse = good;
      wrongId[0] = static_cast<char>(wrongId[0] ^ 1);
      wrongName[13] = 'x';
      notResponse[2] = static_cast<char>(notResponse[2] & 0x7f);
      std::string wrongType = good;
      wrongType[12 + 13 + 1] = 16;
      return std::vector<std::string>{"", "junk", wrongId, wrongName, notResponse, wrongType, good.substr(0, 12), good};
    });
    auto got = resolver({server.endpoint()}).a("example.org.", soon());
    CHECK(got.has_value());
    CHECK_EQ(std::string("192.0.2.1"), got->records.at(0).text());
    CHECK_EQ(1, server.udpQueries());
  }

  void truncation() {
    DnsServer server([](const std::string& query, bool tcp) {
      Reply reply;
      reply.truncated = !tcp;
      if (tcp) reply.answer = {"example.org. 60 IN A 192.0.2.1"};
      return std::vector{replyTo(query, reply)};
    });
    CHECK(resolver({server.endpoint()}).a("example.org.", soon()).has_value());
    CHECK_EQ(1, server.tcpQueries());
    DnsServer never([](const std::string& query, bool) {
      Reply reply;
      reply.truncated = true;
      return std::vector{replyTo(query, reply)};
    });
    auto got = resolver({never.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::temporary);
  }

  void large() {
    DnsServer server([](const std::string& query, bool tcp) {
      Reply reply;
      reply.truncated = !tcp;
      for (int i = 0; tcp && i < 250; ++i) reply.answer.push_back("example.org. 60 IN TXT \"" + std::string(240, 'x') + "\"");
      return std::vector{replyTo(query, reply)};
    });
    auto got = resolver({server.endpoint()}).txt("example.org.", soon());
    CHECK(got.has_value());
    CHECK_EQ(std::size_t(250), got->records.size());
  }

  void negative() {
    std::string soa = "org. 600 IN SOA a.org. b.org. 1 2 3 4 120";
    DnsServer noName(always({{}, {soa}, 3, true}));
    auto got = resolver({noName.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::noName && got.error().notFound() && got.error().authentic);
    CHECK(got.error().ttl == 120s);
    DnsServer noData(always({{}, {soa}}));
    got = resolver({noData.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::noData && !got.error().authentic);
    auto both = resolver({noData.endpoint()}).addresses("example.org.", soon());
    CHECK(!both && both.error().failure == Failure::noData);
  }

  void failures() {
    Reply servfail;
    servfail.rcode = 2;
    DnsServer broken(always(servfail)), good(always({{"example.org. 60 IN A 192.0.2.1"}, {}}));
    CHECK(resolver({broken.endpoint(), good.endpoint()}).a("example.org.", soon()).has_value());
    auto got = resolver({broken.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::temporary && !got.error().timeout);

    Reply bogus = servfail;
    bogus.extendedCode = 6;
    bogus.extendedText = "bad\r\nsignature";
    DnsServer validating(always(bogus));
    got = resolver({validating.endpoint(), good.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::bogus);
    CHECK_EQ(6, int(got.error().extendedCode.value_or(0)));
    CHECK_EQ(std::string("bad\\x0d\\x0asignature"), got.error().extendedText);

    DnsServer junk([](const std::string& query, bool) {
      // Says it has an answer and ends in the middle of it.
      auto reply = replyTo(query, {{"example.org. 60 IN A 192.0.2.1"}, {}});
      return std::vector{reply.substr(0, 12 + 13 + 4 + 5)};
    });
    got = resolver({junk.endpoint()}).a("example.org.", soon());
    CHECK(!got && got.error().failure == Failure::malformed);
  }

  void silence() {
    DnsServer silent([](const std::string&, bool) { return std::vector<std::string>(); });
    auto start = clock.steady();
    auto got = resolver({silent.endpoint()}, 10s, 3).a("example.org.", Ask(start + 60ms));
    CHECK(!got && got.error().failure == Failure::temporary && got.error().timeout);
    CHECK(clock.steady() - start >= 60ms);
    Endpoint closed;
    {
      DnsServer gone([](const std::string&, bool) { return std::vector<std::string>(); });
      closed = gone.endpoint();
    }
    got = resolver({closed}, 60s).a("example.org.", Ask(clock.steady() + 60s));
    CHECK(!got && got.error().failure == Failure::temporary && !got.error().timeout);
  }

  void stop() {
    std::promise<void> asked;
    DnsServer silent([&](const std::string&, bool) { return asked.set_value(), std::vector<std::string>(); });
    auto dns = resolver({silent.endpoint()}, 60s);
    auto waiting = std::async(std::launch::async, [&] { return dns.a("example.org.", Ask(clock.steady() + 60s)); });
    asked.get_future().wait();
    dns.stop();
    auto got = waiting.get();
    CHECK(!got && got.error().failure == Failure::temporary && !got.error().timeout);
    got = dns.a("example.org.", Ask(clock.steady() + 60s));
    CHECK_EQ(std::string("the server stops"), got.error().text);
  }

  void aliases() {
    DnsServer chain(always({{"c.example. 60 IN A 192.0.2.1", "a.example. 10 IN CNAME B.example.", "b.example. 60 IN CNAME c.example.",
                             "other.example. 60 IN A 192.0.2.9"},
                            {}}));
    auto got = resolver({chain.endpoint()}).a("a.example.", soon());
    CHECK(got.has_value());
    CHECK_EQ(std::size_t(1), got->records.size());
    CHECK_EQ(std::string("c.example."), got->name);
    CHECK(got->ttl == 10s);
    CHECK_EQ(std::string("b.example."), resolver({chain.endpoint()}).cname("a.example.", soon())->records.at(0));
    DnsServer loop(always({{"a.example. 10 IN CNAME b.example.", "b.example. 60 IN CNAME a.example."}, {}}));
    auto lost = resolver({loop.endpoint()}).a("a.example.", soon());
    CHECK(!lost && lost.error().failure == Failure::malformed);
    DnsServer dangling(always({{"a.example. 10 IN CNAME gone.example."}, {}, 3}));
    lost = resolver({dangling.endpoint()}).a("a.example.", soon());
    CHECK(!lost && lost.error().failure == Failure::noName);
    CHECK_EQ(std::string("gone.example."), lost.error().name);
  }

  void names() {
    DnsServer server(always({{}, {}}));
    auto dns = resolver({server.endpoint()});
    for (const std::string& bad : {std::string("example.org"), std::string(""), std::string("a..b."), std::string(".a."), std::string(64, 'a') + ".",
                                   std::string(300, '.'), std::string(128, 'a') + "."}) {
      auto got = dns.a(bad, soon());
      CHECK_MSG(bad, !got && got.error().failure == Failure::malformed);
    }
    CHECK_EQ(0, server.udpQueries());
    auto odd = dns.a(std::string("a b\0\\.example.", 14), soon());
    CHECK(!odd && odd.error().failure == Failure::noData);
    CHECK_EQ(std::string("a\\032b\\000\\\\.example."), odd.error().name);
  }

  void unusable() {
    DnsServer mixed(always({{"example.org. 60 IN MX 1 bad\\032name.org.", "example.org. 60 IN MX 2 good.org."}, {}}));
    auto mx = resolver({mixed.endpoint()}).mx("example.org.", soon());
    CHECK_EQ(std::size_t(1), mx->records.size());
    DnsServer binary(always({{"1.2.0.192.in-addr.arpa. 60 IN PTR \\000\\255.example."}, {}}));
    auto ptr = resolver({binary.endpoint()}).ptr(*IpAddress::parse("192.0.2.1"), soon());
    CHECK(!ptr && ptr.error().failure == Failure::malformed);
    DnsServer mapped(always({{"example.org. 60 IN AAAA ::ffff:10.0.0.1"}, {}}));
    CHECK(!resolver({mapped.endpoint()}).aaaa("example.org.", soon()));
  }

  void localhost() {
    auto dns = resolver({});
    CHECK_EQ(std::size_t(2), dns.addresses("LOCALHOST.", soon())->records.size());
    CHECK(dns.mx("x.localhost.", soon()).error().failure == Failure::noData);
  }

  void resolvConf() {
    auto got = parseResolvConf("# c\nsearch example.org\nnameserver 192.0.2.53 # x\nnameserver\t2001:db8::53\nnameserver junk\noptions ndots:1 trust-ad\n");
    CHECK_EQ(std::size_t(2), got.servers.size());
    CHECK_EQ(std::string("[2001:db8::53]:53"), got.servers[1].text());
    CHECK(got.trustAd);
    CHECK_EQ(std::string("127.0.0.1:53"), parseResolvConf("").servers.at(0).text());

    char path[] = "/tmp/mox-resolvXXXXXX";
    int fd = ::mkstemp(path);
    CHECK(fd >= 0);
    ::close(fd);
    ResolvConf watched(path);
    std::ofstream(path) << "nameserver 192.0.2.1\n";
    CHECK_EQ(std::string("192.0.2.1:53"), watched.current().servers.at(0).text());
    std::ofstream(path) << "nameserver 192.0.2.99\n";
    CHECK_EQ(std::string("192.0.2.99:53"), watched.current().servers.at(0).text());
    std::remove(path);
    CHECK_EQ(std::string("127.0.0.1:53"), watched.current().servers.at(0).text());
  }
};
SUITE(LdnsResolverTest);
