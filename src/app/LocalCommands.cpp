// Commands that work without the running server, and how the others reach it.
#include <termios.h>
#include <unistd.h>

#include <iostream>
#include <iterator>
#include <ostream>

#include "app/Commands.h"
#include "app/DataCheck.h"
#include "app/DataDir.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"

namespace mox::app {

namespace {

/// Keeps what is typed off the screen.
class QuietTerminal {
 public:
  explicit QuietTerminal(bool wanted) : active_(wanted && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!active_) return;
    auto quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  ~QuietTerminal() {
    if (active_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  QuietTerminal(const QuietTerminal&) = delete;
  QuietTerminal& operator=(const QuietTerminal&) = delete;

 private:
  termios before_{};
  bool active_;
};

bool isTerminal(const Invocation& call) { return &call.in == &std::cin && ::isatty(STDIN_FILENO) == 1; }

int failed(Invocation& call, const std::string& text) {
  call.err << "error: " << text << "\n";
  return 1;
}

}  // namespace

Result<std::string> askPassword(Invocation& call, std::size_t minimum) {
  bool terminal = isTerminal(call);
  if (terminal) call.err << "password: " << std::flush;
  std::string text;
  if (terminal) {
    QuietTerminal quiet(true);
    std::getline(call.in, text);
    call.err << "\n";
  } else {
    text.assign(std::istreambuf_iterator<char>(call.in), {});
  }
  return passwordFromInput(text, minimum);
}

int forwardToServer(Invocation& call, std::string_view words, std::string input) {
  auto dataDir = configuredDataDir(call.configPath);
  if (!dataDir) return failed(call, dataDir.error().text);
  CtlRequest request{{std::string(words)}, std::move(input)};
  request.words.insert(request.words.end(), call.args.begin(), call.args.end());
  auto status = ctlCall(ctlPath(*dataDir), request, call.out, call.err);
  return status ? *status : failed(call, status.error().text);
}

int commandSetAccountPassword(Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto password = askPassword(call, minPasswordLength);
  return password ? forwardToServer(call, "setaccountpassword", *password) : failed(call, password.error().text);
}

int commandTlsKeyAdd(Invocation& call) { return forwardToServer(call, "config tlspubkey add", std::string(std::istreambuf_iterator<char>(call.in), {})); }

int commandSetAdminPassword(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  const auto& file = loaded.config->fixed().adminPasswordFile;
  if (file.empty()) return failed(call, "the configuration has no AdminPasswordFile");
  if (loaded.config->fixed().declared) return failed(call, "this configuration is declared: put the hash of a new password into " + file);
  auto password = askPassword(call, minPasswordLength);
  if (!password) return failed(call, password.error().text);
  SystemRandom random;
  store::SystemFiles files;
  auto path = config::resolvePath(loaded.config->configDir(), file);
  replaceFile(files, path, store::bcryptHash(*password, random));
  call.out << "admin password set\n";
  return 0;
}

int commandCid(Invocation& call) {
  Flags flags;
  flags.operands([](std::string_view word) {  // one id of 64 begins with "-"
    auto octets = fromBase64Url(word);
    return octets && octets->size() == 16;
  });
  if (!parseFlags(call, flags, 1, 1)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  if (!loaded.config) return 1;
  auto path = receivedIdKeyPath(loaded.config->dataDir());
  auto key = loaded.files(path);
  if (!key) return failed(call, path + ": " + key.error().text);
  auto ids = delivery::ReceivedId::make(*key);
  if (!ids) return failed(call, path + ": " + ids.error().text);
  auto cid = ids->decode(call.args[0]);
  if (!cid) return failed(call, "not an id of this installation");
  call.out << cid->value << "\n";
  return 0;
}

int commandVerifyData(Invocation& call) {
  DataCheckOptions options;
  bool skipSizes = false;
  Flags flags;
  flags.toggle("fix", options.fix, "move files of no message into a folder \"moved\" beside where they were")
      .toggle("skip-size-check", skipSizes, "do not look at the size of each message file");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  options.sizes = !skipSizes;
  store::SystemFiles files;
  auto problems = checkData(files, call.args[0], options, call.out);
  call.out << (problems == 0 ? "no problems\n" : std::to_string(problems) + (problems == 1 ? " problem\n" : " problems\n"));
  return problems == 0 ? 0 : 1;
}

}  // namespace mox::app
