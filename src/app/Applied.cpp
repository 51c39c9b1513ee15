#include "app/Applied.h"

#include <algorithm>
#include <array>
#include <functional>

#include "app/DataDir.h"
#include "base/Text.h"
#include "config/Write.h"
#include "sasl/Hash.h"

namespace mox::app {

namespace {

constexpr std::string_view header = "mox-applied 1";

// The first step of a path: the part, and what has a digest.
constexpr std::string_view fixedPart = "static", dynamicPart = "dynamic", passwordPart = "password", keyPart = "dkim", certificatePart = "tls",
                           transportPart = "transport";

using Steps = std::vector<std::string>;

/// Steps with "/" between them; in a step "/" and what would break the line are escaped.
std::string joined(const Steps& steps) {
  std::string out;
  for (const auto& step : steps) {
    if (!out.empty()) out += '/';
    for (char c : step) {
      bool plain = static_cast<unsigned char>(c) >= 0x20 && c != '/' && c != '%' && c != 0x7f;
      out += plain ? std::string(1, c) : "%" + hex(std::string_view(&c, 1));
    }
  }
  return out;
}

Steps stepsOf(std::string_view path) {
  Steps out;
  for (auto part : split(path, '/')) {
    auto& step = out.emplace_back();
    for (std::size_t i = 0; i < part.size(); ++i) {
      auto escaped = part[i] == '%' && i + 2 < part.size() ? fromHex(part.substr(i + 1, 2)) : std::nullopt;
      step += escaped ? *escaped : std::string(1, part[i]);
      if (escaped) i += 2;
    }
  }
  return out;
}

/// One line.
std::string jsonLine(const described::Type& type, const void* value) {
  std::string out;
  bool indent = false;
  for (char c : config::writeJson(type, value)) {
    if (c == '\n') indent = true;
    else if (c != ' ' || !indent) indent = false, out += c;
  }
  return out;
}

class Flattener {
 public:
  Flattener(std::map<std::string, std::string>& out, std::string_view key) : out_(out), key_(key) {}

  void value(const Steps& path, const described::Type& type, const void* value, bool isSecret) {
    using described::Kind;
    switch (type.kind()) {
      case Kind::record:
        // fields() needs a mutable address only so that readers can fill it; nothing is written through it.
        for (const auto& field : type.fields(const_cast<void*>(value)))
          if (!field.type->isZero(field.value)) this->value(below(path, std::string(field.name)), *field.type, field.value, field.isSecret);
        return;
      case Kind::map:
        type.each(value, [&](const std::string& name, const void* element) {
          auto at = below(path, name);
          out_[joined(at)];  // it is there, even without settings of its own
          this->value(at, type.element(), element, isSecret);
        });
        return;
      case Kind::optional:
        out_[joined(path)];
        type.each(value, [&](const std::string&, const void* element) { this->value(path, type.element(), element, isSecret); });
        return;
      default: out_[joined(path)] = isSecret ? digest(jsonLine(type, value)) : jsonLine(type, value);
    }
  }

  std::string digest(std::string_view secret) const { return hex(sasl::hmac(sasl::HashKind::sha256, key_, "applied " + std::string(secret))); }

 private:
  static Steps below(Steps path, std::string step) {
    path.push_back(std::move(step));
    return path;
  }
  std::map<std::string, std::string>& out_;
  std::string key_;
};

/// Something an operator thinks of as one: settings are told as changes of these.
struct Thing {
  enum class Kind { domain, alias, key, account, password, address, certificate, listener, transportPassword, transport, setting };
  Kind kind = Kind::setting;
  std::string name;
  auto operator<=>(const Thing&) const = default;
};

constexpr std::array<std::string_view, 11> kindNames = {"domain",      "alias",    "key",                   "account",   "password", "address",
                                                        "certificate", "listener", "password of transport", "transport", "setting"};

/// The thing a path belongs to; `field` is the rest of the path.
Thing thingOf(const Steps& s, std::string& field) {
  using Kind = Thing::Kind;
  auto rest = [&](std::size_t from) { return join(Steps(s.begin() + static_cast<std::ptrdiff_t>(std::min(from, s.size())), s.end()), "."); };
  auto is = [&](std::string_view part, std::string_view map, std::size_t size) { return s.size() >= size && s[0] == part && s[1] == map; };
  if (s[0] == passwordPart) return {Kind::password, rest(1)};
  if (s[0] == keyPart) return field = "content", Thing{Kind::key, rest(1)};
  if (s[0] == certificatePart) return {Kind::certificate, "of listener " + rest(1)};
  if (s[0] == transportPart) return {Kind::transportPassword, rest(1)};
  if (is(dynamicPart, "Domains", 3)) {
    if (s.size() >= 5 && s[3] == "Aliases") return field = rest(5), Thing{Kind::alias, s[4] + "@" + s[2]};
    if (s.size() >= 6 && s[3] == "DKIM" && s[4] == "Selectors") return field = rest(6), Thing{Kind::key, s[5] + "._domainkey." + s[2]};
    return field = rest(3), Thing{Kind::domain, s[2]};
  }
  if (is(dynamicPart, "Accounts", 3)) {
    if (s.size() >= 5 && s[3] == "Destinations") return field = rest(5), Thing{Kind::address, s[4] + " of " + s[2]};
    return field = rest(3), Thing{Kind::account, s[2]};
  }
  if (is(fixedPart, "Listeners", 3)) return field = rest(3), Thing{Kind::listener, s[2]};
  if (is(fixedPart, "Transports", 3)) return field = rest(3), Thing{Kind::transport, s[2]};
  return {Kind::setting, rest(1)};
}

struct State {
  bool isStatic = false;
  std::map<std::string, std::string> fields;
};

std::map<Thing, State> things(const std::map<std::string, std::string>& settings) {
  std::map<Thing, State> out;
  for (const auto& [path, value] : settings) {
    auto steps = stepsOf(path);
    std::string field;
    auto& state = out[thingOf(steps, field)];
    state.isStatic = steps[0] == fixedPart;
    state.fields[field] = value;
  }
  return out;
}

/// Names of the fields that differ.
std::string differences(const State& before, const State& after) {
  Steps names;
  for (const auto& [field, value] : before.fields)
    if (!after.fields.contains(field) || after.fields.at(field) != value) names.push_back(field);
  for (const auto& [field, value] : after.fields)
    if (!before.fields.contains(field)) names.push_back(field);
  std::sort(names.begin(), names.end());
  std::erase(names, "");
  return join(names, ", ");
}

std::string told(const Thing& thing, std::string_view what) {
  std::string out = std::string(kindNames.at(static_cast<std::size_t>(thing.kind))) + " " + std::string(what) + ": ";
  for (char c : thing.name) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? "\\x" + hex(std::string_view(&c, 1)) : std::string(1, c);
  return out;
}

}  // namespace

std::string appliedPath(const std::string& dataDir) { return dataDir + "/applied"; }

Applied Applied::of(const config::Config& config, const config::FileReader& files, std::string_view key, const Applied& before) {
  Applied out;
  Flattener flat(out.settings_, key);
  flat.value({std::string(fixedPart)}, described::typeOf<config::Static>(), &config.fixed(), false);
  flat.value({std::string(dynamicPart)}, described::typeOf<config::Dynamic>(), &config.dynamic(), false);
  auto content = [&](const Steps& steps, const std::vector<std::string>& paths) {
    auto at = joined(steps);
    std::string all;
    for (const auto& path : paths) {
      auto text = files(path);
      if (!text) {
        auto old = before.settings_.find(at);
        if (old != before.settings_.end()) out.settings_.insert(*old);
        return;
      }
      all += std::to_string(text->size()) + " " + *text;
    }
    out.settings_[at] = flat.digest(all);
  };
  for (const auto& [name, account] : config.accounts())
    if (account.password) content({std::string(passwordPart), name}, {account.password->file});
  for (const auto* domain : config.domains())
    for (const auto& [selector, file] : domain->keyFiles)
      content({std::string(keyPart), selector + "._domainkey." + domain->name.unicode()}, {file.path});
  for (const auto& listener : config.listeners()) {
    std::vector<std::string> paths;
    for (const auto& pair : listener.keyPairs) paths.insert(paths.end(), {pair.certFile, pair.keyFile});
    if (!paths.empty()) content({std::string(certificatePart), listener.name}, paths);
  }
  for (const auto& [name, transport] : config.transports()) {
    const auto* server = transport.server();
    if (server != nullptr && server->auth && !server->auth->passwordFile.empty())
      content({std::string(transportPart), name}, {config::resolvePath(config.configDir(), server->auth->passwordFile)});
  }
  return out;
}

std::optional<Applied> Applied::parse(std::string_view text) {
  Applied out;
  auto lines = split(text, '\n');
  if (lines.front() != header || lines.back() != "") return std::nullopt;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    auto pair = cut(lines[i], '\t');
    if (!pair) return std::nullopt;
    out.settings_.emplace(pair->first, pair->second);
  }
  return out;
}

std::string Applied::text() const {
  std::string out = std::string(header) + "\n";
  for (const auto& [path, value] : settings_) out += path + "\t" + value + "\n";
  return out;
}

std::string Applied::password(const std::string& account) const {
  auto found = settings_.find(joined({std::string(passwordPart), account}));
  return found == settings_.end() ? "" : found->second;
}

bool Applied::samePassword(const Applied& other, const std::string& account) const {
  auto at = joined({std::string(dynamicPart), "Accounts", account, "PasswordMutable"});
  return password(account) == other.password(account) && settings_.contains(at) == other.settings_.contains(at);
}

std::string Applied::Change::line() const { return text + (needsRestart ? " (needs a restart)" : ""); }

std::vector<Applied::Change> plan(const Applied& before, const Applied& after) {
  auto old = things(before.settings_), now = things(after.settings_);
  std::vector<Applied::Change> out;
  std::map<Thing, int> all;
  for (const auto* side : {&old, &now})
    for (const auto& entry : *side) all[entry.first];
  for (const auto& entry : all) {
    const auto& thing = entry.first;
    auto was = old.find(thing), is = now.find(thing);
    if (was == old.end()) {
      out.push_back({told(thing, "added"), is->second.isStatic});
    } else if (is == now.end()) {
      bool keepsMail = thing.kind == Thing::Kind::account;
      out.push_back({told(thing, "removed") + (keepsMail ? " (disabled, its mail is kept)" : ""), was->second.isStatic});
    } else if (was->second.fields != is->second.fields) {
      auto fields = differences(was->second, is->second);
      out.push_back({told(thing, "changed") + (fields.empty() ? "" : " (" + fields + ")"), is->second.isStatic});
    }
  }
  return out;
}

Applied readApplied(const config::FileReader& files, const std::string& dataDir) {
  auto text = files(appliedPath(dataDir));
  auto parsed = text ? Applied::parse(*text) : std::nullopt;
  return parsed ? std::move(*parsed) : Applied();
}

void writeApplied(store::Files& files, const std::string& dataDir, const Applied& applied) {
  replaceFile(files, appliedPath(dataDir), applied.text());
}

}  // namespace mox::app
