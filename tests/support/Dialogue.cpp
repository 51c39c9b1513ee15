#include "support/Dialogue.h"

#include <cppunit/TestAssert.h>
#include <cppunit/TestCase.h>
#include <cppunit/TestSuite.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "base/Text.h"

namespace mox::test {
namespace {

using Kind = DialogueStep::Kind;

std::string unescape(std::string_view text, const std::string& where) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    char c = ++i < text.size() ? text[i] : '\0';
    if (c == 'r' || c == 'n' || c == 't' || c == '0' || c == '\\') {
      out += c == 'r' ? '\r' : c == 'n' ? '\n' : c == 't' ? '\t' : c == '0' ? '\0' : '\\';
      continue;
    }
    auto byte = c == 'x' ? fromHex(text.substr(i + 1, 2)) : std::nullopt;
    if (!byte || byte->size() != 1) throw std::runtime_error(where + "unknown escape");
    out += *byte;
    i += 2;
  }
  return out;
}

// Puts {$name} in; throws for a name nobody gave.
std::string substitute(std::string_view text, const std::map<std::string, std::string>& variables) {
  std::string out;
  for (;;) {
    auto at = text.find("{$");
    auto end = at == std::string_view::npos ? at : text.find('}', at);
    out += text.substr(0, end == std::string_view::npos ? end : at);
    if (end == std::string_view::npos) return out;
    auto found = variables.find(std::string(text.substr(at + 2, end - at - 2)));
    if (found == variables.end()) throw std::runtime_error("no variable " + std::string(text.substr(at, end + 1 - at)));
    out += found->second;
    text.remove_prefix(end + 1);
  }
}

Duration parseDuration(std::string_view text) {
  auto unit = std::find_if(text.begin(), text.end(), [](char c) { return !isDigit(c); });
  auto count = parseUnsigned(text.substr(0, static_cast<std::size_t>(unit - text.begin())));
  std::string_view name = text.substr(static_cast<std::size_t>(unit - text.begin()));
  Duration one = name == "ms"  ? Duration(std::chrono::milliseconds(1))
                 : name == "s" ? Duration(std::chrono::seconds(1))
                 : name == "m" ? Duration(std::chrono::minutes(1))
                 : name == "h" ? Duration(std::chrono::hours(1))
                               : Duration(0);
  if (!count || one == Duration(0)) throw std::runtime_error("advance wants a time such as 30s");
  return one * static_cast<Duration::rep>(*count);
}

/// One run of one file.
class Run {
 public:
  Run(DialogueWorld& world, Split split) : world_(world), split_(split), variables_(world.variables()) {}

  void play(const std::vector<DialogueStep>& steps) {
    use("main");
    for (const DialogueStep& step : steps) {
      line_ = step.line;
      this->step(step);
    }
    sendPending();
    for (auto& [name, connection] : connections_) {
      std::string rest = readAll(connection);
      if (!rest.empty() && !skip_) throw std::runtime_error("left unread on " + name + ": " + printable(rest));
    }
  }
  std::size_t line() const { return line_; }

 private:
  struct Connection {
    std::unique_ptr<net::Session> session;
    std::unique_ptr<FakeChannel> channel;
    std::string unread;
  };

  void step(const DialogueStep& step) {
    bool sends = step.kind == Kind::send || step.kind == Kind::sendRaw;
    if (!sends) sendPending();
    switch (step.kind) {
      case Kind::send: return send(substitute(step.text, variables_) + "\r\n");
      case Kind::sendRaw: return send(step.text);
      case Kind::expect: return expect(substitute(step.text, variables_));
      case Kind::expectRaw: return expectRaw(step.text);
      case Kind::skip: skip_ = true; return;
      case Kind::control: return control(step.text);
    }
  }

  void send(std::string bytes) {
    FakeChannel& channel = *current_->channel;
    if (split_ == Split::joined)
      pending_ += bytes;
    else if (split_ == Split::bytes)
      channel.feedBytewise(bytes);
    else
      channel.feed(bytes);
  }

  void sendPending() {
    if (!pending_.empty()) current_->channel->feed(std::exchange(pending_, {}));
  }

  std::string& readAll(Connection& connection) {
    connection.unread += connection.channel->take();
    return connection.unread;
  }

  std::string nextLine(const std::string& wanted) {
    std::string& unread = readAll(*current_);
    auto end = unread.find("\r\n");
    if (end == std::string::npos) {
      std::string state = current_->channel->ended() ? "connection closed" : "no line";
      throw std::runtime_error(state + ", expected: " + wanted + (unread.empty() ? "" : "; partial: " + printable(unread)));
    }
    std::string line = unread.substr(0, end);
    unread.erase(0, end + 2);
    if (!isOneLine(line)) throw std::runtime_error("bare CR, LF or NUL in: " + printable(line));
    return line;
  }

  void expect(const std::string& pattern) {
    bool skipping = std::exchange(skip_, false);
    std::string last;
    do {
      last = nextLine(pattern + (last.empty() ? "" : "; last line was: " + printable(last)));
      if (matchesLine(pattern, last, variables_)) return;
    } while (skipping);
    throw std::runtime_error("expected: " + pattern + "\n     got: " + printable(last, 1000));
  }

  void expectRaw(const std::string& bytes) {
    std::string& unread = readAll(*current_);
    if (unread.compare(0, bytes.size(), bytes) != 0) throw std::runtime_error("expected other bytes, got: " + printable(unread));
    unread.erase(0, bytes.size());
  }

  void control(const std::string& text) {
    auto parts = cut(text, ' ');
    std::string verb(parts ? parts->first : std::string_view(text));
    std::string argument(parts ? trim(parts->second) : std::string_view());
    FakeChannel& channel = *current_->channel;
    if (verb == "advance") return channel.advance(parseDuration(argument));
    if (verb == "use") return use(argument);
    if (verb == "hangup") return channel.peerCloses();
    if (verb == "close") return expectClosed();
    if (verb == "do") return act(argument);
    if (verb == "tls") {
      if (channel.tls() == nullptr) throw std::runtime_error("no TLS was started");
    } else if (verb == "compress") {
      if (!current_->channel->compressed()) throw std::runtime_error("the server has not agreed to compression");
    } else if (verb == "silence") {
      if (!readAll(*current_).empty()) throw std::runtime_error("expected silence, got: " + printable(current_->unread));
    } else if (verb == "open") {
      expectAllRead();
      channel.peerCloses();
      connect(*current_);
    } else if (verb == "from") {
      auto ip = IpAddress::parse(argument);
      if (!ip) throw std::runtime_error("not an address: " + argument);
      remote_.ip = *ip;
    } else {
      throw std::runtime_error("unknown control line: ! " + text);
    }
  }

  void act(const std::string& words) {
    if (!world_.act(words)) throw std::runtime_error("not understood: ! do " + words);
    for (auto& [name, connection] : connections_) connection.channel->settle();
  }

  void expectAllRead() {
    if (!readAll(*current_).empty() && !std::exchange(skip_, false))
      throw std::runtime_error("left unread: " + printable(current_->unread));
    current_->unread.clear();
  }

  void expectClosed() {
    expectAllRead();
    if (!current_->channel->ended()) throw std::runtime_error("the server has not closed");
  }

  void use(const std::string& name) {
    auto [at, isNew] = connections_.try_emplace(name);
    current_ = &at->second;
    if (isNew) connect(*current_);
  }

  void connect(Connection& connection) {
    connection.channel.reset();
    connection.session = world_.connect();
    id_ = id_.next();
    connection.channel = std::make_unique<FakeChannel>(*connection.session, world_.clock(), remote_, world_.local(), id_);
    connection.channel->setTls(world_.tls());
    if (world_.implicitTls())
      connection.channel->openTls();
    else
      connection.channel->open();
  }

  DialogueWorld& world_;
  Split split_;
  std::map<std::string, std::string> variables_;
  std::map<std::string, Connection> connections_;
  Connection* current_ = nullptr;
  Endpoint remote_ = FakeChannel::defaultRemote();
  ConnectionId id_{0};
  std::string pending_;
  bool skip_ = false;
  std::size_t line_ = 0;
};

class DialogueCase final : public CppUnit::TestCase {
 public:
  DialogueCase(const std::string& name, std::filesystem::path file, MakeWorld make, Split split)
      : CppUnit::TestCase(name), file_(std::move(file)), make_(std::move(make)), split_(split) {}

  void runTest() override {
    std::ifstream stream(file_, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    std::string name = file_.filename().string();
    auto steps = parseDialogue(text.str(), name);
    auto world = make_();
    std::string wrong = runDialogue(steps, name, *world, split_);
    CPPUNIT_ASSERT_MESSAGE(wrong, wrong.empty());
  }

 private:
  std::filesystem::path file_;
  MakeWorld make_;
  Split split_;
};

/// Stands for a folder without files, so that a wrong path cannot pass.
class NoDialogues final : public CppUnit::TestCase {
 public:
  explicit NoDialogues(const std::string& folder) : CppUnit::TestCase("no dialogues in " + folder) {}
  void runTest() override { CPPUNIT_FAIL(getName()); }
};

DialogueStep parseStep(std::string_view line, std::size_t number, const std::string& where) {
  auto after = [&](std::size_t prefix) { return line.size() > prefix ? line.substr(prefix + 1) : std::string_view(); };
  auto marked = [&](std::string_view mark) { return line == mark || line.substr(0, mark.size() + 1) == std::string(mark) + " "; };
  if (marked("C:")) return {number, Kind::send, std::string(after(2))};
  if (marked("S:")) return {number, Kind::expect, std::string(after(2))};
  if (marked("C+:")) return {number, Kind::sendRaw, unescape(after(3), where)};
  if (marked("S+:")) return {number, Kind::expectRaw, unescape(after(3), where)};
  if (line == "S...") return {number, Kind::skip, ""};
  if (marked("!")) return {number, Kind::control, std::string(trim(after(1)))};
  throw std::runtime_error(where + "not a dialogue line: " + printable(line));
}

}  // namespace

std::vector<DialogueStep> parseDialogue(std::string_view text, const std::string& name) {
  std::vector<DialogueStep> steps;
  std::size_t number = 0, repeatFrom = 0;
  std::uint64_t repeat = 0;
  for (std::string_view line : split(text, '\n')) {
    std::string where = name + ":" + std::to_string(++number) + ": ";
    if (trim(line).empty() || line[0] == '#') continue;
    DialogueStep step = parseStep(line, number, where);
    if (step.kind == Kind::control && step.text.rfind("repeat ", 0) == 0) {
      auto count = parseUnsigned(step.text.substr(7));
      if (!count || *count == 0 || repeat != 0) throw std::runtime_error(where + "bad repeat");
      repeat = *count;
      repeatFrom = steps.size();
    } else if (step.kind == Kind::control && step.text == "end") {
      if (repeat == 0) throw std::runtime_error(where + "end without repeat");
      std::vector<DialogueStep> block(steps.begin() + static_cast<std::ptrdiff_t>(repeatFrom), steps.end());
      for (; repeat > 1; --repeat) steps.insert(steps.end(), block.begin(), block.end());
      repeat = 0;
    } else {
      steps.push_back(std::move(step));
    }
  }
  if (repeat != 0) throw std::runtime_error(name + ": repeat without end");
  return steps;
}

// Leftmost match of each literal piece is right for a glob: a later match leaves less room for the rest.
bool matchesLine(std::string_view pattern, std::string_view line, std::map<std::string, std::string>& captures) {
  std::vector<std::pair<std::string, std::string>> pieces{{"", ""}};  // name of the wildcard before, literal text
  std::size_t at = 0;
  if (pattern.substr(0, 2) == "* ") pieces.back().second = "*", at = 1;
  for (; at < pattern.size(); ++at) {
    auto end = pattern.substr(at, 2) == "{=" ? pattern.find('}', at) : std::string_view::npos;
    if (end != std::string_view::npos) {
      pieces.emplace_back(std::string(pattern.substr(at + 2, end - at - 2)), "");
      at = end;
    } else if (pattern[at] == '*') {
      pieces.emplace_back("", "");
    } else {
      pieces.back().second += pattern[at];
    }
  }
  if (pieces.size() == 1) return line == pieces[0].second;
  if (line.substr(0, pieces[0].second.size()) != pieces[0].second) return false;
  std::map<std::string, std::string> found;
  std::size_t from = pieces[0].second.size();
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const auto& [name, literal] = pieces[i];
    bool last = i + 1 == pieces.size();
    if (line.size() < from + literal.size()) return false;
    std::size_t where = last ? line.size() - literal.size() : line.find(literal, from);
    if (where == std::string_view::npos || line.substr(where, literal.size()) != literal) return false;
    if (!name.empty()) found[name] = std::string(line.substr(from, where - from));
    from = where + literal.size();
  }
  for (auto& [name, value] : found) captures[name] = value;
  return true;
}

std::string runDialogue(const std::vector<DialogueStep>& steps, const std::string& name, DialogueWorld& world, Split split) {
  Run run(world, split);
  try {
    run.play(steps);
  } catch (const std::exception& error) {
    return name + ":" + std::to_string(run.line()) + ": " + error.what();
  }
  return "";
}

DialogueFactory::DialogueFactory(std::string name, std::string folder, MakeWorld make)
    : name_(std::move(name)), folder_(std::move(folder)), make_(std::move(make)) {
  CppUnit::TestFactoryRegistry::getRegistry().registerFactory(this);
}

CppUnit::Test* DialogueFactory::makeTest() {
  namespace fs = std::filesystem;
  auto* suite = new CppUnit::TestSuite(name_);  // the registry's suite owns it
  fs::path folder = fs::path(MOX_SOURCE_DIR) / "tests" / "dialogues" / folder_;
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) suite->addTest(new NoDialogues(folder_));
  for (const auto& file : files) {
    std::string name = name_ + "::" + file.stem().string();
    suite->addTest(new DialogueCase(name, file, make_, Split::lines));
    suite->addTest(new DialogueCase(name + " byte by byte", file, make_, Split::bytes));
    suite->addTest(new DialogueCase(name + " joined", file, make_, Split::joined));
  }
  return suite;
}

}  // namespace mox::test
