#include "config/Source.h"

#include "base/Text.h"
#include "config/Build.h"
#include "config/Document.h"
#include "config/Write.h"

namespace mox::config {

namespace {

bool isJson(const std::string& path) { return path.ends_with(".json"); }

Document parse(const std::string& path, const std::string& text) { return isJson(path) ? parseJson(path, text) : parseSconf(path, text); }

void append(std::vector<Problem>& to, const std::vector<Problem>& from) { to.insert(to.end(), from.begin(), from.end()); }

void buildAll(Build& b) {
  buildGeneral(b);
  buildListeners(b);
  buildTransports(b);
  buildDomains(b);
  buildAccounts(b);
  buildAddresses(b);
  buildRoutes(b);
  checkWeb(b);
}

std::unique_ptr<Config::Tables> emptyTables(const std::string& path, const std::string& staticText, const std::string& dynamicText) {
  auto tables = std::make_unique<Config::Tables>();
  tables->configDir = directoryOf(path);
  tables->staticText = staticText;
  tables->dynamicText = dynamicText;
  return tables;
}

Loaded finish(std::unique_ptr<Config::Tables> tables, const Document& fixedFile, const Document* dynamicFile) {
  Loaded out;
  append(out.errors, fixedFile.errors());
  // JSON of a reload: both documents are the whole file, so the newer one says it all.
  if (dynamicFile == nullptr || fixedFile.form() == Form::sconf) append(out.warnings, fixedFile.warnings());
  if (dynamicFile != nullptr) {
    append(out.errors, dynamicFile->errors());
    append(out.warnings, dynamicFile->warnings());
  }
  if (out.errors.size() > maxProblems) out.errors.resize(maxProblems);
  if (out.errors.empty()) out.config = std::make_shared<const Config>(std::move(tables));
  return out;
}

/// The checks go on after errors of syntax only if every field was read: else they would complain about what is
/// missing because of them.
Loaded loadOneJson(const std::string& path, const std::string& text, const FileReader& files, const LoadOptions& options) {
  auto document = parse(path, text);
  auto tables = emptyTables(path, text, text);
  Whole whole;
  if (document.ok()) whole = read<Whole>(document);
  tables->fixed = std::move(whole.fixed);
  tables->dynamic = std::move(whole.dynamic);
  Build b{document, document, *tables, files, options};
  if (document.ok()) buildAll(b);
  return finish(std::move(tables), document, nullptr);
}

Loaded readError(const std::string& path, const Error& error) {
  Loaded out;
  out.errors.push_back({path, 0, "", "cannot read: " + error.text});
  return out;
}

template <class T>
T readPart(Document& document, const std::string& path) {
  if (!isJson(path)) return read<T>(document);
  auto whole = read<Whole>(document);
  if constexpr (std::is_same_v<T, Static>) return whole.fixed;
  else return whole.dynamic;
}

}  // namespace

std::string dynamicPath(const std::string& path) { return isJson(path) ? path : resolvePath(directoryOf(path), "domains.conf"); }

Loaded loadText(const std::string& path, const std::string& staticText, const std::string& dynamicText, const FileReader& files,
                const LoadOptions& options) {
  if (isJson(path) && staticText == dynamicText) return loadOneJson(path, staticText, files, options);
  auto fixedFile = parse(path, staticText);
  auto dynamicFile = parse(dynamicPath(path), dynamicText);
  auto tables = emptyTables(path, staticText, dynamicText);
  if (fixedFile.ok()) tables->fixed = readPart<Static>(fixedFile, path);
  if (dynamicFile.ok()) tables->dynamic = readPart<Dynamic>(dynamicFile, path);
  Build b{fixedFile, dynamicFile, *tables, files, options};
  if (fixedFile.ok() && dynamicFile.ok()) buildAll(b);
  return finish(std::move(tables), fixedFile, &dynamicFile);
}

Loaded load(const std::string& path, const FileReader& files, const LoadOptions& options) {
  auto fixed = files(path);
  if (!fixed) return readError(path, fixed.error());
  if (isJson(path)) return loadText(path, *fixed, *fixed, files, options);
  auto dynamic = files(dynamicPath(path));
  if (!dynamic) return readError(dynamicPath(path), dynamic.error());
  return loadText(path, *fixed, *dynamic, files, options);
}

ConfigSource::ConfigSource(std::string path, ConfigPtr loaded, FileReader files)
    : path_(std::move(path)), files_(std::move(files)), current_(std::move(loaded)) {}

ConfigPtr ConfigSource::current() const { return *current_.lock(); }

Prepared ConfigSource::prepare() const {
  LoadOptions options;
  options.whileRunning = true;
  Prepared out;
  auto all = load(path_, files_, options);
  if (!all.ok()) return {std::move(all), nullptr};
  out.wanted = all.config;
  auto before = current();
  if (writeJson(all.config->fixed()) == writeJson(before->fixed())) {
    out.next = std::move(all);
    return out;
  }
  const std::string restart = "has changed; that takes effect at the next start";
  out.next = loadText(path_, before->staticText(), all.config->dynamicText(), files_, options);
  // The new dynamic part may need the new static part, such as a transport.
  if (out.next.ok()) out.next.warnings.push_back({path_, 0, "", restart});
  else out.next.errors.push_back({path_, 0, "", restart + ", and the rest does not go with what it was: restart the server"});
  return out;
}

void ConfigSource::use(ConfigPtr next) { *current_.lock() = std::move(next); }

Loaded ConfigSource::reload() {
  auto prepared = prepare();
  if (prepared.next.ok()) use(prepared.next.config);
  return prepared.next;
}

}  // namespace mox::config
