// Passwords, login attempts, client keys, and what past mail says.
#include <crypt.h>

#include <cstdlib>
#include <map>
#include <thread>

#include "store/AuthDb.h"
#include "store/Reputation.h"
#include "store/Db.h"
#include "store/StoreFixture.h"
#include "support/FaultVfs.h"

namespace mox::store::test {

struct PasswordsTest : mox::test::Suite<PasswordsTest>, AccountFixture {
  static void list(List& l) {
    l.add("bcrypt", &PasswordsTest::bcrypt);
    l.add("other hashes of crypt(5)", &PasswordsTest::crypt);
    l.add("an account with a hash only gets the other secrets with its first login", &PasswordsTest::hashOnly);
    l.add("checking", &PasswordsTest::checking);
    l.add("unknown logins cost what accounts do, each always the same", &PasswordsTest::strangers);
  }

  const std::string secret = std::string(32, 'k');
  static constexpr const char* yescrypt = "$y$j9T$abcdefghijklmnopqrstu.$kAc934MxROZDAsI/8Gis4gjqPiERfozmsLaJ7xz.9R2";
  static constexpr const char* sha512 = "$6$saltsalt$cYhB4JV4BFssny.lrx/9C8pJEGlRdIuCuhmpG3HPpWbXnxQ.ozGv0tXQI6hnGXk69EjPGXm3qTgY6G3w0cQPm/";

  void bcrypt() {
    // A public test vector of the "$2b$" form.
    CHECK(passwordVerify("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
    CHECK(!passwordVerify("U*V", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
    CHECK(!passwordVerify("x", "") && !passwordVerify("x", "nonsense") && !passwordVerify("", "*0"));
    auto hash = bcryptHash("secret", random);
    CHECK_EQ(std::string("$2b$10$"), hash.substr(0, 7));
    CHECK(passwordVerify("secret", hash) && hash != bcryptHash("secret", random));
    // Long passwords and NUL are not cut.
    std::string longOne(100, 'x'), nul("abc\0def", 7);
    CHECK(!passwordVerify(longOne + "y", bcryptHash(longOne, random)));
    CHECK(!passwordVerify("abc", bcryptHash(nul, random)));
  }

  void checking() {
    PasswordChecker checker(clock, random, secret);
    CHECK(!checker.check(nullptr, "nobody", "whatever"));
    CHECK(!checker.check(account.get(), "alice", "whatever"));  // none set: the same work
    CHECK_EQ(std::uint64_t{2}, checker.hashesRun());
    CHECK(!makeSecrets("", random) && !makeSecrets("bad\x01", random));
    auto secrets = *makeSecrets("correct horse", random);
    account->setPassword(secrets);
    auto kept = account->password()->sasl;
    CHECK(kept.cramMd5.inner == secrets.sasl.cramMd5.inner && kept.cramMd5.outer == secrets.sasl.cramMd5.outer);
    CHECK_EQ(secrets.sasl.scramSha1.salt, kept.scramSha1.salt);
    CHECK_EQ(8192u, kept.scramSha1.iterations);
    CHECK_EQ(secrets.sasl.scramSha256.storedKey, kept.scramSha256.storedKey);
    CHECK_EQ(secrets.sasl.scramSha256.serverKey, kept.scramSha256.serverKey);
    CHECK_EQ(4096u, kept.scramSha256.iterations);
    CHECK(!checker.check(account.get(), "alice", "wrong horse!"));
    CHECK(!checker.check(account.get(), "alice", "bad\x01"));
    CHECK(checker.check(account.get(), "alice", "correct\xc2\xa0horse"));  // RFC 8265 §4.2: a no-break space is a space
    CHECK(checker.cached(*account, "correct horse") && !checker.cached(*account, "wrong horse!"));
    auto before = checker.hashesRun();
    CHECK(checker.check(account.get(), "alice", "correct horse"));
    CHECK_EQ(before, checker.hashesRun());
    clock.advance(passwordCacheTime);
    CHECK(checker.check(account.get(), "alice", "correct horse"));
    CHECK_EQ(before + 1, checker.hashesRun());
    account->setPassword(*makeSecrets("short", random));
    CHECK(!checker.check(account.get(), "alice", "correct horse"));  // the cache is bound to the hash
    CHECK(checker.check(account.get(), "alice", "short") && !checker.cached(*account, "short"));
  }

  void crypt() {
    for (const char* hash : {yescrypt, sha512, "$5$saltsalt$ZKifB.R3xf36bYRcPMkFKY3qr0rGtc9svI5.qJG6opD", "$2b$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq"}) {
      CHECK(passwordVerify("secret-word", hash) && !passwordVerify("secret-wore", hash));
      CHECK(!passwordVerify(std::string("secret-word\0x", 13), hash));
      auto setting = hashSetting(hash);
      CHECK(setting.size() < std::string(hash).size());
      CHECK_EQ(std::string(hash), std::string(::crypt("secret-word", setting.c_str())));
    }
    // Made elsewhere, of 80 octets as they are.
    CHECK(passwordVerify(std::string(80, 'a'), "$2b$05$abcdefghijklmnopqrstuuGUnCqbfgs3htOkLrFduUjAyLBw1Rq/u"));
    CHECK(!passwordVerify(std::string(80, 'b'), "$2b$05$abcdefghijklmnopqrstuuGUnCqbfgs3htOkLrFduUjAyLBw1Rq/u"));
  }

  void strangers() {
    std::vector<std::string> asked;
    auto noting = [&](std::string_view, const std::string& hash) { return asked.push_back(hash), false; };
    PasswordChecker checker(clock, random, secret, noting), again(clock, random, secret, noting);
    auto login = [](int i) { return "user" + std::to_string(i) + "@example.org"; };
    // How often each kind is met by a thousand logins.
    auto met = [&] {
      std::map<std::string, int> out;
      for (int i = 0; i < 1000; ++i) {
        checker.check(nullptr, login(i), "whatever");
        ++out[asked.back().substr(0, asked.back().find('$', 1) + 1)];
      }
      return out;
    };
    CHECK((met() == std::map<std::string, int>{{"$2b$", 1000}}));
    checker.useKinds({}, 7);
    CHECK((met() == std::map<std::string, int>{{"$2b$", 1000}}) && asked.back().starts_with("$2b$10$"));
    checker.useKinds({yescrypt, sha512, sha512}, 3);
    auto mixed = met();
    CHECK_EQ(std::size_t{3}, mixed.size());
    for (auto [kind, share] : std::map<std::string, int>{{"$2b$", 500}, {"$6$", 333}, {"$y$", 167}}) CHECK_MSG(kind, std::abs(mixed[kind] - share) < 70);
    CHECK(asked.back() == hashSetting(asked.back()) || asked.back().starts_with("$2b$"));
    // The next start, and another account, which moves few.
    again.useKinds({sha512, yescrypt, sha512}, 3);
    int same = 0;
    auto kindOf = [&](PasswordChecker& by, int i) { return by.check(nullptr, login(i), "other"), asked.back().substr(0, 4); };
    for (int i = 0; i < 1000; ++i) CHECK_EQ(kindOf(checker, i), kindOf(again, i));
    again.useKinds({sha512, yescrypt, sha512}, 4);
    for (int i = 0; i < 1000; ++i) same += kindOf(checker, i) == kindOf(again, i) ? 1 : 0;
    CHECK(same > 800);
    // Nobody has our own kind.
    checker.useKinds({sha512}, 0);
    CHECK((met() == std::map<std::string, int>{{"$6$", 1000}}));
    // An account costs its own, also by what cannot be a password.
    account->setPassword({yescrypt, {}});
    for (const char* password : {"wrong horse!", "bad\x01"}) {
      CHECK(!checker.check(account.get(), "alice", password));
      CHECK_EQ(std::string(yescrypt), asked.back());
    }
  }

  void hashOnly() {
    PasswordChecker checker(clock, random, secret);
    const std::string hash = "$5$saltsalt$ZKifB.R3xf36bYRcPMkFKY3qr0rGtc9svI5.qJG6opD";
    account->setPassword({hash, {}}, "digest");
    CHECK_EQ(std::string("digest"), account->passwordSource());
    CHECK(!checker.check(account.get(), "alice", "secret-wore") && account->password()->sasl.scramSha256.empty());
    CHECK(checker.check(account.get(), "alice", "secret-word"));
    auto known = *account->password();
    CHECK_EQ(hash, known.hash);
    CHECK_EQ(std::string("digest"), account->passwordSource());
    CHECK(known.sasl.scramSha256.storedKey ==
          sasl::deriveScram(sasl::HashKind::sha256, "secret-word", known.sasl.scramSha256.salt, known.sasl.scramSha256.iterations).storedKey);
    account->addSaslSecrets("another hash", {});  // the password was changed meanwhile
    CHECK_EQ(known.sasl.scramSha256.storedKey, account->password()->sasl.scramSha256.storedKey);
    account->setPassword(*makeSecrets("by its user", random));
    CHECK_EQ(std::string(), account->passwordSource());
  }
};
SUITE(PasswordsTest);

struct AuthDbTest : mox::test::Suite<AuthDbTest> {
  static void list(List& l) {
    l.add("client keys", &AuthDbTest::keys);
    l.add("equal attempts are counted", &AuthDbTest::attempts);
    l.add("old ones go", &AuthDbTest::prune);
    l.add("the number of failures is capped", &AuthDbTest::cap);
    l.add("after a failed fsync it goes on", &AuthDbTest::failedSync);
  }
  TempDirectory directory;
  FakeClock clock;

  static LoginAttempt attempt(const std::string& account, LoginResult result, const std::string& ip = "192.0.2.1") {
    LoginAttempt made;
    made.account = account;
    made.remoteIp = ip;
    made.protocol = "imap";
    made.result = result;
    return made;
  }

  void keys() {
    AuthDb db(directory / "auth.db", clock, Log());
    TlsPublicKey key;
    key.fingerprint = "print";
    key.account = "alice";
    key.loginAddress = "alice@example.org";
    key.certificate = std::string("\0der", 4);
    CHECK(db.addKey(key).has_value());
    CHECK(db.addKey(key).error().code == Errc::exists);
    CHECK_EQ(key.certificate, db.key("print")->certificate);
    key.noImapPreauth = true;
    CHECK(db.updateKey(key).has_value());
    CHECK(db.key("print")->noImapPreauth);
    CHECK(db.keys("bob").empty());
    CHECK_EQ(std::size_t{1}, db.keys("").size());
    key.account = "bob";
    CHECK(db.updateKey(key).error().code == Errc::notFound);
    CHECK(db.removeKey("print").has_value());
    CHECK(!db.key("print"));
    CHECK(db.removeKey("print").error().code == Errc::notFound);
  }

  void attempts() {
    {
      AuthDb db(directory / "auth.db", clock, Log());
      db.add(attempt("alice", LoginResult::badCredentials));
      clock.advance(std::chrono::hours(1));
      db.add(attempt("alice", LoginResult::badCredentials));
      db.add(attempt("alice", LoginResult::ok));
      db.add(attempt("-", LoginResult::badUser));
      db.flush();
      auto all = db.attempts("alice");
      CHECK_EQ(std::size_t{2}, all.size());
      auto& failed = all[0].result == LoginResult::ok ? all[1] : all[0];
      CHECK_EQ(std::int64_t{2}, failed.count);
      CHECK(failed.last - failed.first == std::chrono::hours(1));
      CHECK_EQ(std::size_t{3}, db.attempts("").size());
      db.add(attempt("alice", LoginResult::ok));  // written when the database closes
    }
    AuthDb db(directory / "auth.db", clock, Log());
    std::int64_t count = 0;
    for (const auto& one : db.attempts("alice")) count += one.count;
    CHECK_EQ(std::int64_t{4}, count);
    CHECK_EQ(std::string("badcreds"), std::string(loginResultName(LoginResult::badCredentials)));
  }

  void prune() {
    AuthDb db(directory / "auth.db", clock, Log());
    db.add(attempt("alice", LoginResult::badCredentials));
    db.flush();
    clock.advance(loginAttemptAge - std::chrono::hours(1));
    db.prune();
    CHECK_EQ(std::size_t{1}, db.attempts("alice").size());
    clock.advance(std::chrono::hours(2));
    db.prune();
    CHECK(db.attempts("alice").empty());
  }

  void cap() {
    AuthDb db(directory / "auth.db", clock, Log());
    for (std::size_t i = 0; i < maxFailedAttempts + 50; ++i) {
      clock.advance(std::chrono::seconds(1));
      db.add(attempt("alice", LoginResult::badCredentials, std::to_string(i)));
      if (i % 50 == 49) db.flush();
    }
    db.add(attempt("bob", LoginResult::badCredentials));
    db.flush();
    CHECK_EQ(std::uint64_t{0}, db.dropped());
    auto all = db.attempts("alice", 1'000'000);
    CHECK_EQ(maxFailedAttempts, all.size());
    CHECK_EQ(std::string("50"), all.back().remoteIp);
    CHECK_EQ(std::size_t{1}, db.attempts("bob").size());
  }

  void failedSync() {
    FaultVfs vfs;
    TlsPublicKey key;
    key.fingerprint = "print";
    {
      AuthDb db(directory / "auth.db", clock, Log(), vfs.name());
      auto fail = [&](int n) { vfs.failOnce(n, Fault::ioError, FaultVfs::Calls::syncs); };
      fail(1);
      CHECK_THROWS(DatabaseError, db.addKey(key));
      CHECK(db.addKey(key).has_value());
      fail(1);
      db.add(attempt("alice", LoginResult::ok));
      db.flush();
      CHECK_EQ(std::uint64_t{1}, db.dropped());
      vfs.heal();
      db.add(attempt("bob", LoginResult::ok));
      db.flush();
      CHECK_EQ(std::size_t{1}, db.attempts("").size());
      fail(2);  // of the database file; nothing is old, so the first is the WAL's
      CHECK_THROWS(DatabaseError, db.prune());
      db.prune();
      clock.advance(loginAttemptAge + std::chrono::hours(1));
      db.add(attempt("carol", LoginResult::ok));  // and with it the upkeep comes
      db.flush();
      CHECK_EQ(std::size_t{1}, db.attempts("").size());
    }
    vfs.losePower();
    AuthDb db(directory / "auth.db", clock, Log());
    CHECK(db.key("print").has_value());
    CHECK_EQ(std::string("carol"), db.attempts("").at(0).account);
  }
};
SUITE(AuthDbTest);

struct ReputationTest : mox::test::Suite<ReputationTest>, AccountFixture {
  static void list(List& l) {
    l.add("only judged messages of the mailbox count", &ReputationTest::judged);
    l.add("rates", &ReputationTest::rates);
  }

  NewMessage from(const Mail& mail, const std::string& ip, FlagBits bits = 0) {
    auto message = mail.in(inbox, flags(bits));
    message.origin.remoteIp = IpAddress::parse(ip);
    message.origin.ehloDomain = "mx.example.net";
    message.origin.ehloValidated = true;
    message.origin.mailFromLocalpart = "bounce";
    message.origin.mailFromDomain = "example.net";
    message.origin.mailFromValidated = true;
    message.origin.msgFromLocalpart = "bob";
    message.origin.msgFromDomain = "list.example.net";
    message.origin.msgFromOrgDomain = "example.net";
    message.origin.msgFromValidated = true;
    message.origin.dkimDomains = {"example.net"};
    return message;
  }

  void judged() {
    Mail mail;
    auto junk = from(mail, "192.0.2.1", bit(Flag::junk));
    auto later = from(mail, "192.0.2.99");
    later.received += std::chrono::hours(1);
    CHECK(account->deliver({junk, later, from(mail, "198.51.100.1", bit(Flag::junk) | bit(Flag::notJunk))}).has_value());
    auto since = Time(std::chrono::seconds(0));
    auto all = [&] {
      auto reader = account->reader();
      Reputation r(reader, inbox);
      std::string text;
      for (const auto& list : {r.byFrom("bob", "list.example.net", true, since, 5), r.byFromDomain("list.example.net", std::nullopt, since, 5),
                               r.byFromOrgDomain("example.net", true, since, 5), r.byDkimDomain("example.net", since, 5),
                               r.byMailFrom("bounce", "example.net", since, 5), r.byMailFrom("", "example.net", since, 5),
                               r.byEhlo("mx.example.net", since, 5), r.byIp(*IpAddress::parse("192.0.2.1"), 1, since, 5),
                               r.byIp(*IpAddress::parse("192.0.2.60"), 2, since, 5), r.byIp(*IpAddress::parse("192.0.7.1"), 3, since, 5)}) {
        for (const auto& one : list) text += one.isJunk ? 'j' : 'n';
        text += ' ';
      }
      return text;
    };
    CHECK_EQ(std::string("j j j j j j j j j j "), all());
    CHECK(account->setFlags(inbox, uidList({2}), {FlagChange::Mode::add, flags(bit(Flag::notJunk)), std::nullopt}).has_value());
    CHECK_EQ(std::string("nj nj nj nj nj nj nj j j nj "), all());
    {
      auto reader = account->reader();
      CHECK(Reputation(reader, inbox).byFrom("bob", "list.example.net", false, since, 5).empty());
      CHECK_EQ(std::size_t{1}, Reputation(reader, inbox).byFrom("bob", "list.example.net", true, since, 1).size());
      CHECK(Reputation(reader, sent).byFrom("bob", "list.example.net", true, since, 5).empty());
      CHECK(Reputation(reader, inbox).byEhlo("mx.example.net", clock.now() + std::chrono::hours(9), 5).empty());
    }
    // A moved message still counts for the mailbox it came in for; an expunged one does not.
    CHECK(account->move(inbox, uidList({1}), sent).has_value());
    CHECK_EQ(std::string("nj nj nj nj nj nj nj j j nj "), all());
    CHECK(account->expunge(sent, uidList({1}), false).has_value());
    CHECK_EQ(std::string("n n n n n n n   n "), all());
    CHECK(account->setFlags(inbox, uidList({2}), {FlagChange::Mode::replace, {}, std::nullopt}).has_value());
    CHECK_EQ(std::string("          "), all());
    checkSound();
  }

  void rates() {
    Mail mail;
    CHECK(account->deliver({from(mail, "192.0.2.1"), from(mail, "192.0.2.2"), from(mail, "192.0.7.3"), from(mail, "198.51.100.1")}).has_value());
    auto reader = account->reader();
    Reputation r(reader, sent);
    auto ip = *IpAddress::parse("192.0.2.1");
    auto since = clock.now() - std::chrono::hours(1);
    CHECK_EQ(std::int64_t{1}, r.received(ip, 1, since, 100).messages);
    CHECK_EQ(std::int64_t{2}, r.received(ip, 2, since, 100).messages);
    CHECK_EQ(std::int64_t{3}, r.received(ip, 3, since, 100).messages);
    CHECK_EQ(std::int64_t{2}, r.received(ip, 3, since, 2).messages);
    CHECK_EQ(static_cast<std::int64_t>(3 * mail.data.size()), r.received(ip, 3, since, 100).bytes);
    CHECK_EQ(std::int64_t{0}, r.received(ip, 3, clock.now() + std::chrono::hours(1), 100).messages);
    CHECK_EQ(std::string("2001:db8::"), maskedIp(*IpAddress::parse("2001:db8:1:2:3::4"), 3).text());
    CHECK_EQ(std::string("2001:db8:1::"), maskedIp(*IpAddress::parse("2001:db8:1:2:3::4"), 2).text());
  }
};
SUITE(ReputationTest);

}  // namespace mox::store::test
