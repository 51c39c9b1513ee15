#include "queue/QueueFixture.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <filesystem>

#include "base/Text.h"
#include "smtp/Path.h"

namespace mox::queue::test {

struct Sink::State {
  std::mutex mutex;
  Script script;
  std::vector<Taken> taken;
  std::size_t connections = 0, open = 0;
  std::vector<std::shared_ptr<net::Waker>> held;
};

namespace {

class SinkSession final : public net::Session {
 public:
  explicit SinkSession(std::shared_ptr<Sink::State> state) : state_(std::move(state)) {
    std::lock_guard hold(state_->mutex);
    script_ = state_->script;
    ++state_->connections;
    if (++state_->open > 1 && !script_.alone.empty()) script_.greeting = script_.alone;
  }
  ~SinkSession() override {
    std::lock_guard hold(state_->mutex);
    --state_->open;
  }
  void onOpen(net::Channel& channel) override {
    channel.write(script_.greeting);
    if (!script_.greeting.starts_with("220")) channel.close();
  }
  std::size_t onInput(net::Channel& channel, std::string_view input) override {
    if (inData_) return onData(channel, input);
    auto eol = input.find("\r\n");
    if (eol == std::string_view::npos) return 0;
    onLine(channel, std::string(input.substr(0, eol)));
    return eol + 2;
  }
  void onTls(net::Channel&, const net::TlsInfo&) override { tls_ = true; }
  void onDeadline(net::Channel& channel) override { channel.close(); }
  void onWake(net::Channel& channel) override { channel.write(std::exchange(held_, "")); }
  void onShutdown(net::Channel& channel) override {
    channel.write(held_);
    channel.close();
  }
  std::size_t inputLimit() const override { return 8 << 20; }

 private:
  void onLine(net::Channel& channel, const std::string& line) {
    auto verb = upper(line.substr(0, line.find(' ')));
    if (script_.gone && messages_ > 0) return channel.close();
    if (verb == "EHLO") return ehlo(channel);
    if (verb == "STARTTLS") return startTls(channel);
    if (verb == "MAIL") {
      now_ = {line.substr(10), {}, "", tls_};
      return channel.write(script_.mail);
    }
    if (verb == "RCPT") return rcpt(channel, line.substr(8));
    if (verb == "DATA") {
      if (now_.to.empty()) return channel.write("554 5.5.1 no recipients\r\n");
      inData_ = true;
      return channel.write("354 go\r\n");
    }
    channel.write(verb == "QUIT" ? "221 2.0.0 bye\r\n" : "250 2.0.0 ok\r\n");
    if (verb == "QUIT") channel.close();
  }
  void ehlo(net::Channel& channel) {
    std::string out = "250-sink\r\n";
    if ((script_.tls || script_.swallowTls) && !tls_) out += "250-STARTTLS\r\n";
    for (const auto& extension : script_.extensions) out += "250-" + extension + "\r\n";
    answer(channel, "EHLO", out + "250 HELP\r\n");
  }
  void answer(net::Channel& channel, std::string_view to, const std::string& reply) {
    if (script_.hold != to) return channel.write(reply);
    held_ = reply;
    std::lock_guard hold(state_->mutex);
    state_->held.push_back(channel.waker());
  }
  void startTls(net::Channel& channel) {
    channel.write("220 2.0.0 go\r\n");
    if (script_.swallowTls) channel.close();
    else channel.startTls(script_.tls);
  }
  void rcpt(net::Channel& channel, const std::string& to) {
    if (script_.closeAfterRcpt) return channel.close();
    auto special = script_.rcpt.find(to);
    if (special != script_.rcpt.end()) return channel.write(special->second);
    if (script_.rcptLimit > 0 && now_.to.size() >= script_.rcptLimit) return channel.write("452 4.5.3 too many recipients\r\n");
    now_.to.push_back(to);
    channel.write("250 2.1.5 ok\r\n");
  }
  std::size_t onData(net::Channel& channel, std::string_view input) {
    auto end = input.starts_with(".\r\n") ? 0 : input.find("\r\n.\r\n");
    if (end == std::string_view::npos) return 0;
    auto text = input.substr(0, end == 0 ? 0 : end + 2);
    for (std::size_t at = 0; at < text.size();) {
      auto eol = text.find("\r\n", at) + 2;
      auto line = text.substr(at, eol - at);
      now_.data += line.starts_with('.') ? line.substr(1) : line;
      at = eol;
    }
    inData_ = false;
    ++messages_;
    if (script_.data.starts_with("250")) {
      std::lock_guard hold(state_->mutex);
      state_->taken.push_back(now_);
    }
    now_ = {};
    answer(channel, ".", script_.data);
    if (script_.resetAfterData) channel.close();
    if (script_.closeAfter > 0 && messages_ >= script_.closeAfter) {
      channel.write("421 4.3.2 enough\r\n");
      channel.close();
    }
    return end == 0 ? 3 : end + 5;
  }

  std::shared_ptr<Sink::State> state_;
  Script script_;
  Taken now_;
  std::string held_;
  std::size_t messages_ = 0;
  bool inData_ = false, tls_ = false;
};

}  // namespace

Sink::Sink(net::Engine& engine, Script script, std::uint16_t port, const IpAddress& ip) : state_(std::make_shared<State>()) {
  state_->script = std::move(script);
  net::ListenerOptions options;
  options.name = "sink";
  auto made = engine.listen({ip, port}, std::move(options), [state = state_](const net::ConnectionMeta&) { return std::make_unique<SinkSession>(state); });
  if (!made) throw std::runtime_error(made.error().text);
  at_ = *made;
}

std::vector<Taken> Sink::taken() const {
  std::lock_guard hold(state_->mutex);
  return state_->taken;
}

std::size_t Sink::count() const {
  std::lock_guard hold(state_->mutex);
  return state_->taken.size();
}

std::size_t Sink::connections() const {
  std::lock_guard hold(state_->mutex);
  return state_->connections;
}

std::size_t Sink::held() const {
  std::lock_guard hold(state_->mutex);
  return state_->held.size();
}

void Sink::release() {
  std::unique_lock hold(state_->mutex);
  auto some = std::exchange(state_->held, {});
  hold.unlock();
  for (const auto& waker : some) waker->wake();
}

void Sink::change(Script script) {
  std::lock_guard hold(state_->mutex);
  state_->script = std::move(script);
}

std::shared_ptr<net::TlsContext> sinkTls() {
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
  std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), &X509_free);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  X509_set_pubkey(cert.get(), key.get());
  X509_sign(cert.get(), key.get(), EVP_sha256());
  auto text = [](auto write) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
    write(bio.get());
    char* data = nullptr;
    auto size = BIO_get_mem_data(bio.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  net::TlsServerOptions options;
  options.certificates.push_back(
      {text([&](BIO* bio) { PEM_write_bio_X509(bio, cert.get()); }),
       text([&](BIO* bio) { PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })});
  return net::TlsContext::server(options).value();
}

TempDirectory::TempDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "mox-queue-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;  // a leftover in the temporary directory fails no test
  std::filesystem::remove_all(path_, ignored);
}

Mailbox mailbox(const std::string& text) { return smtp::parseMailbox(text, {}).value(); }

NewMessage message(const std::vector<std::string>& to, const std::string& from) {
  NewMessage m;
  m.senderAccount = "user";
  if (!from.empty()) m.mailFrom = mailbox(from);
  for (const auto& one : to) m.recipients.push_back(mailbox(one));
  m.data = "From: <user@example.org>\r\nMessage-ID: <1@Example.org>\r\nSubject: a test\r\n\r\nhello\r\n.dot\r\n";
  m.prefix = "Received: by here\r\n";
  m.messageId = "1@example.org";
  m.subject = "a test";
  return m;
}

QueueFixture::QueueFixture()
    : fixed(
          "DataDir: ../data\nLogLevel: info\nHostname: mail.example.org\n"
          "Listeners:\n\tpublic:\n\t\tIPs:\n\t\t\t- 192.0.2.1\n\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tNoSTARTTLS: true\n"
          "Postmaster:\n\tAccount: admin\n\tMailbox: Postmaster\n"),
      dynamic(
          "Domains:\n\texample.org: nil\n"
          "Accounts:\n"
          "\tadmin:\n\t\tDomain: example.org\n\t\tDestinations:\n\t\t\tadmin@example.org: nil\n"
          "\tuser:\n\t\tDomain: example.org\n\t\tDestinations:\n\t\t\tuser@example.org: nil\n"),
      sink(clock, LogFormat::logfmt, LogLevel::debug,
           [this](std::string_view line) {
             std::lock_guard hold(logMutex);
             lines.append(line);
           }),
      log(sink, "test") {}

void QueueFixture::build() {
  reload();
  net::EngineOptions byHand;
  byHand.manualTimers = true;
  engine = std::make_unique<net::Engine>(byHand, clock, metrics, Log());
  pool = std::make_unique<net::JobPool>(net::JobPoolOptions{"dns"}, metrics, Log());
  store::Environment environment;
  environment.files = &files;
  environment.clock = &clock;
  environment.random = &random;
  accounts = std::make_unique<store::Accounts>(directory.path(), environment);
  options.directory = directory / "queue";
  options.manualTimers = true;
}

QueueFixture::~QueueFixture() { dismantle(); }

void QueueFixture::dismantle() {
  queue.reset();
  engine.reset();
  pool.reset();
  accounts.reset();
}

void QueueFixture::reload() {
  auto none = [](const std::string&) -> Result<std::string> { return fail(Errc::notFound, "no such file"); };
  auto loaded = config::loadText("/c/mox.conf", fixed, dynamic, none);
  if (!loaded.ok()) throw std::runtime_error(config::text(loaded.errors));
  config = std::make_unique<config::ConfigSource>("/c/mox.conf", loaded.config, none);
}

void QueueFixture::start() {
  queue.reset();
  queue = std::make_unique<Scheduler>(options, SchedulerServices{*config, *accounts, cache, *pool, *engine, files, clock, random, metrics, log});
  queue->start();
}

void QueueFixture::domain(const std::string& name, const Endpoint& at) {
  resolver.mx(name, 10, "mx." + name);
  resolver.a("mx." + name, at.ip.text());
  options.smtpPort = at.port;
}

void QueueFixture::settle() {
  // Due entries are in memory before their number goes to zero: claims are noted under the same lock as their lane.
  eventually([this] { return queue->isQuiet(); }, "the queue comes to rest");
}

void QueueFixture::advance(Duration by) {
  clock.advance(by);
  engine->tick();
  queue->tick();
}

std::vector<std::string> QueueFixture::inbox(const std::string& account) {
  std::vector<std::string> out;
  auto opened = accounts->open(account).value();
  auto reader = opened->reader();
  auto box = reader.mailbox("Inbox");
  if (!box) return out;
  reader.forEach(box->id, Uid(1), [&](const store::MessageRow& row) {
    out.emplace_back(reader.content(row.id).view());
    return true;
  });
  return out;
}

}  // namespace mox::queue::test
