// Secrets in files: who may read them, passwords and hashes in them, keys that the server makes.
#include "config/Fixture.h"
#include "config/TestKeys.h"
#include "config/Write.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::config;

namespace {

const std::string yescrypt = "$y$j9T$abcdefghijklmnopqrstu.$kAc934MxROZDAsI/8Gis4gjqPiERfozmsLaJ7xz.9R2";
const std::string description = "\t\tDescription: U. Ser\n";  // line 24 of domains.conf
const std::string keyFile = "PrivateKeyFile: dkim/a.pem\n";
const std::string relay = "\t\t\tHost: relay.example.net\n";

test::ConfigFixture declared() {
  test::ConfigFixture f;
  f.fixed += "Declared: true\n";
  return f;
}

/// An account with these lines after its full name.
test::ConfigFixture withAccount(const std::string& lines) {
  test::ConfigFixture f = declared();
  f.files["/c/pw"] = "secret-word\n";
  f.files["/c/hash"] = yescrypt + "\n";
  test::ConfigFixture::replace(f.dynamic, description, description + lines);
  return f;
}

std::string errors(const test::ConfigFixture& f) { return config::text(f.load().errors); }
std::string warnings(const test::ConfigFixture& f) { return config::text(f.load().warnings); }

}  // namespace

struct SecretsTest : test::Suite<SecretsTest> {
  static void list(List& l) {
    l.add("who may read a secret", &SecretsTest::exposed);
    l.add("the store of Nix", &SecretsTest::nixStore);
    l.add("every kind of secret file", &SecretsTest::kinds);
    l.add("passwords of accounts", &SecretsTest::passwords);
    l.add("hashes of crypt(5)", &SecretsTest::hashes);
    l.add("passwords of transports", &SecretsTest::transports);
    l.add("keys that the server makes", &SecretsTest::madeKeys);
    l.add("without secrets", &SecretsTest::withoutSecrets);
    l.add("described", &SecretsTest::isDescribed);
  }

  void exposed() {
    const std::string problem =
        "/c/domains.conf:8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: dkim/a.pem can be read by everybody on this machine: "
        "take that right away (chmod o-r)\n";
    auto f = declared();
    f.infos["/c/dkim/a.pem"] = {true, true, "/c/dkim/a.pem"};
    CHECK_EQ(problem, errors(f));
    test::ConfigFixture managed;
    managed.infos = f.infos;
    CHECK_EQ(std::string(), errors(managed));
    CHECK_EQ(problem, warnings(managed));
    f.infos["/c/dkim/a.pem"] = {false, false, "/c/dkim/a.pem"};
    CHECK_EQ(std::string("/c/domains.conf:8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: cannot read dkim/a.pem: is not a regular file\n"),
             errors(f));
  }

  void nixStore() {
    auto f = declared();
    f.infos["/c/dkim/a.pem"] = {true, false, "/nix/store/abc-key"};  // what a link leads to
    CHECK(errors(f).find("dkim/a.pem is below /nix/store, where everybody can read it") != std::string::npos);
    f = declared();
    test::ConfigFixture::replace(f.dynamic, keyFile, "PrivateKeyFile: /nix/store/abc/k.pem\n");
    f.files["/nix/store/abc/k.pem"] = test::testKeys().ed25519;
    CHECK(errors(f).find("/c/domains.conf:8: Domains.example.org.DKIM.Selectors.2026a.PrivateKeyFile: /nix/store/abc/k.pem is below") == 0);
  }

  void kinds() {
    auto f = withAccount("\t\tPasswordFile: pw\n");
    f.fixed += "AdminPasswordFile: admin\n";
    f.files["/c/admin"] = yescrypt;
    f.files["/c/relay"] = "relay-word";
    test::ConfigFixture::replace(f.fixed, relay, relay + "\t\t\tAuth:\n\t\t\t\tUsername: u\n\t\t\t\tPasswordFile: relay\n");
    CHECK_EQ(std::string(), errors(f));
    for (const char* path : {"/c/pw", "/c/admin", "/c/relay", "/c/tls/key.pem", "/c/dkim/a.pem"}) {
      auto bad = f;
      bad.infos[path] = {true, true, path};
      CHECK_MSG(path + errors(bad), errors(bad).find("can be read by everybody") != std::string::npos);
    }
    // A certificate is no secret.
    f.infos["/c/tls/cert.pem"] = {true, true, "/c/tls/cert.pem"};
    CHECK_EQ(std::string(), errors(f));
    f.files.erase("/c/admin");
    CHECK(errors(f).find("AdminPasswordFile: cannot read admin: no such file") != std::string::npos);
  }

  void passwords() {
    auto f = withAccount("\t\tPasswordFile: pw\n\t\tPasswordMutable: true\n");
    auto config = f.config();
    const auto& source = config->account("user")->password;
    CHECK(source && source->file == "/c/pw" && !source->isHash && source->isMutable);
    CHECK(!config->account("admin")->password);
    const std::string at = "/c/domains.conf:25: Accounts.user.";
    f.files["/c/pw"] = "short\n";
    CHECK_EQ(at + "PasswordFile: pw: password must have at least 8 characters\n", errors(f));
    f.files["/c/pw"] = "secret-word\nsecond\n";
    CHECK_EQ(at + "PasswordFile: pw: has more than one line\n", errors(f));
    f.files["/c/pw"] = "";
    CHECK_EQ(at + "PasswordFile: pw: is empty\n", errors(f));
    f.files.erase("/c/pw");
    CHECK_EQ(at + "PasswordFile: cannot read pw: no such file\n", errors(f));
    CHECK_EQ(std::string("/c/domains.conf:26: Accounts.user.PasswordHashFile: not together with PasswordFile\n"),
             errors(withAccount("\t\tPasswordFile: pw\n\t\tPasswordHashFile: hash\n")));
    CHECK_EQ(at + "PasswordMutable: needs PasswordFile or PasswordHashFile\n", errors(withAccount("\t\tPasswordMutable: true\n")));
  }

  void hashes() {
    auto f = withAccount("\t\tPasswordHashFile: hash\n");
    CHECK(f.config()->account("user")->password->isHash);
    for (const char* good : {"$6$saltsalt$cYhB4JV4BFssny.lrx/9C8pJEGlRdIuCuhmpG3HPpWbXnxQ.ozGv0tXQI6hnGXk69EjPGXm3qTgY6G3w0cQPm/",
                             "$5$saltsalt$ZKifB.R3xf36bYRcPMkFKY3qr0rGtc9svI5.qJG6opD", "$2b$05$abcdefghijklmnopqrstuuUOabO4v2PoT/v47Y.znQK.9MsMDnesq",
                             "$gy$j9T$abcdefghijklmnopqrstu.$sy0vZplJJRawgi4TEc1f6Y4MayneQisr5qMM.W8uig9",
                             "$7$CU..../....saltsalt$L/ii/sqGBrZp1hJGtJFlp4W0.AAZR8qeo.0tNr/5tIB", "$1$saltsalt$2i5pEg9STfPzfqvEh8q6P1", "abOzzpyy5jbkk"}) {
      f.files["/c/hash"] = good;
      CHECK_MSG(good + errors(f), errors(f).empty());
    }
    const std::string at = "/c/domains.conf:25: Accounts.user.PasswordHashFile: hash: ";
    for (const char* bad : {"secret-word", "!", "*", "$9$abc$def", "$y$j9T$with space$x", "user:$1$saltsalt$2i5pEg9STfPzfqvEh8q6P1"}) {
      f.files["/c/hash"] = bad;
      CHECK_EQ(at + "is not a hash of crypt(5)\n", errors(f));
    }
    f.files["/c/hash"] = yescrypt.substr(0, yescrypt.size() - 1);
    CHECK_EQ(at + "holds a hash of crypt(5) that is not whole\n", errors(f));
  }

  void transports() {
    auto f = declared();
    auto auth = [](const std::string& lines) { return relay + "\t\t\tAuth:\n\t\t\t\tUsername: u\n" + lines; };
    f.files["/c/relay"] = "relay-word\r\n";
    auto with = [&](const std::string& lines) {
      auto out = f;
      test::ConfigFixture::replace(out.fixed, relay, auth(lines));
      return out;
    };
    auto config = with("\t\t\t\tPasswordFile: relay\n").config();
    CHECK_EQ(std::string("relay-word"), config->transports().at("smart").server()->auth->password);
    CHECK_EQ(std::string(), config->fixed().transports.at("smart").smtp->auth->password);
    CHECK_EQ(std::string("/c/mox.conf:29: Transports.smart.SMTP.Auth.Password: in a declared configuration secrets come by files: use PasswordFile\n"),
             errors(with("\t\t\t\tPassword: word\n")));
    CHECK_EQ(std::string("/c/mox.conf:27: Transports.smart.SMTP.Auth: needs either Password or PasswordFile\n"), errors(with("")));
  }

  void madeKeys() {
    auto f = declared();
    test::ConfigFixture::replace(f.dynamic, keyFile, "Algorithm: ed25519\n");
    auto config = f.config();
    const auto& domain = *config->domains().at(1);
    CHECK_EQ(std::string("example.org"), domain.name.ascii());
    const auto& missing = domain.keyFiles.at("2026a");
    CHECK(missing.isOurs() && missing.isMissing && missing.path == "/c/../data/dkim/example.org/2026a.pem");
    CHECK(domain.signingKeys.empty());
    f.files[missing.path] = test::testKeys().ed25519;
    auto made = f.config();
    CHECK(!made->domains().at(1)->keyFiles.at("2026a").isMissing);
    CHECK_EQ(std::size_t(1), made->domains().at(1)->signingKeys.size());
    f.files[missing.path] = test::testKeys().rsa2048;
    CHECK_EQ("/c/domains.conf:8: Domains.example.org.DKIM.Selectors.2026a.Algorithm: the key in " + missing.path +
                 " is of another kind: a new key needs a new selector\n",
             errors(f));
    test::ConfigFixture::replace(f.dynamic, "Algorithm: ed25519\n", "Hash: sha256\n");
    CHECK_EQ(std::string("/c/domains.conf:6: Domains.example.org.DKIM.Selectors.2026a: needs PrivateKeyFile, or Algorithm for a key that the server makes\n"),
             errors(f).substr(0, errors(f).find('\n') + 1));
  }

  void withoutSecrets() {
    auto f = withAccount("\t\tPasswordFile: pw\n");
    f.files.clear();
    LoadOptions options;
    options.withoutSecrets = true;
    auto load = [&] { return loadText("/c/mox.conf", f.fixed, f.dynamic, f.reader(), options); };
    CHECK_EQ(std::string(), config::text(load().errors));
    test::ConfigFixture::replace(f.dynamic, "PasswordFile: pw", "PasswordFile: /nix/store/abc-pw");
    CHECK(config::text(load().errors).find("25: Accounts.user.PasswordFile: /nix/store/abc-pw is below /nix/store") != std::string::npos);
  }

  void isDescribed() {
    auto fixed = describeSconf<Static>(), dynamic = describeSconf<Dynamic>(), schema = jsonSchema<Whole>("mox");
    for (const char* name : {"Declared", "PasswordFile"}) CHECK(fixed.find(name) != std::string::npos);
    for (const char* name : {"PasswordFile", "PasswordHashFile", "PasswordMutable", "Algorithm"}) {
      CHECK(dynamic.find(name) != std::string::npos);
      CHECK(schema.find('"' + std::string(name) + '"') != std::string::npos);
    }
    CHECK(schema.find("\"rsa2048\"") != std::string::npos);
  }
};
SUITE(SecretsTest);
