#include "transfer/Importer.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "imap/MailboxName.h"
#include "imap/Structure.h"
#include "message/HeaderFields.h"
#include "message/Parsed.h"

namespace mox::transfer {

namespace {

constexpr std::size_t digestSize = 20;  ///< octets of SHA-256 that are kept

constexpr Limit messageLimit{"import-message-bytes", static_cast<std::int64_t>(maxMessageBytes), "bytes"};

/// SHA-256 of what goes by.
class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new()) { check(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr)); }
  void update(std::string_view bytes) { check(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size())); }
  std::string take() {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    check(EVP_DigestFinal_ex(context_.get(), out, &size));
    return std::string(reinterpret_cast<char*>(out), digestSize);
  }

 private:
  static void check(int code) {
    if (code != 1) throw std::runtime_error("SHA-256 failed");
  }
  struct End {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, End> context_;
};

/// When a message came to its mailbox, as far as it says itself.
std::optional<Time> dateWithin(std::string_view message, const message::Parsed& parsed) {
  if (auto received = message::firstField(message, "Received")) {
    auto semicolon = received->rfind(';');
    auto date = semicolon == std::string_view::npos ? std::nullopt : parseRfc5322Date(message::unfold(received->substr(semicolon + 1)));
    if (date) return date->time;
  }
  return parsed.date ? std::optional(parsed.date->time) : std::nullopt;
}

/// A mailbox called so holds junk, unless a message says otherwise.
bool isJunkName(std::string_view mailbox) {
  auto slash = mailbox.rfind('/');
  auto leaf = slash == std::string_view::npos ? mailbox : mailbox.substr(slash + 1);
  return equalsNoCase(leaf, "Junk") || equalsNoCase(leaf, "Spam");
}

std::string markKey(MailboxId mailbox, const std::string& digest) { return std::to_string(mailbox.value) + " " + digest; }

}  // namespace

struct Importer::Item {
  Found found;
  MailboxId mailbox;
  imap::Flags flagsThere;  ///< as the source has them
  std::unique_ptr<store::Spool> spool;
  CrlfWriter lines;
  Digest hash;
  std::string digest;
  message::Parsed parsed;

  store::NewMessage message(const Clock& clock) {
    parsed = message::parse(spool->data());
    store::NewMessage out;
    out.mailbox = mailbox;
    out.spool = spool.get();
    out.parsed = &parsed;
    out.envelope = imap::renderEnvelope(*parsed.root.envelope);
    out.bodyStructure = imap::renderBody(parsed.root);
    out.bodyStructureExtended = imap::renderBodyStructure(parsed.root);
    out.partTree = message::encode(parsed.root);
    parsed.root.children.clear();  // rendered; a batch of MIME bombs would be much memory
    out.flags = found.flags;
    if (!found.received) found.received = dateWithin(spool->data(), parsed).value_or(clock.now());
    out.received = *found.received;
    return out;
  }
};

Importer::Importer(ImportServices services, std::shared_ptr<store::Account> account, ImportOptions options, ImportListener listener)
    : services_(services),
      account_(std::move(account)),
      options_(std::move(options)),
      listener_(std::move(listener)),
      hold_(account_->beginImport()),
      run_(static_cast<std::int64_t>(services.random.below(INT64_MAX)) + 1),
      told_(services.clock.steady()) {}

Importer::~Importer() = default;

Result<std::unique_ptr<Importer>> Importer::make(ImportServices services, std::shared_ptr<store::Account> account, ImportOptions options,
                                                 ImportListener listener) {
  if (options.mailbox.empty()) options.mailbox = "Inbox";
  auto name = imap::MailboxName::parse(options.mailbox);
  if (!name) return tl::unexpected(name.error());
  options.mailbox = name->text();
  std::unique_ptr<Importer> made(new Importer(services, std::move(account), std::move(options), std::move(listener)));
  if (!made->hold_) return fail(Errc::conflict, "another import into this account is under way");
  return made;
}

std::string Importer::destination(const std::string& name) const {
  if (name.empty()) return options_.mailbox;
  return options_.mailbox == "Inbox" ? name : options_.mailbox + "/" + name;
}

Result<MailboxId> Importer::resolve(const std::string& name) {
  if (auto known = mailboxes_.find(name); known != mailboxes_.end()) return known->second;
  auto find = [&]() -> Result<MailboxId> {
    auto full = imap::MailboxName::parse(destination(name));
    if (!full) return tl::unexpected(full.error());
    if (auto row = account_->reader().mailbox(full->text())) return row->id;
    auto made = account_->createMailbox(full->text());
    if (!made) return tl::unexpected(made.error());
    return made->created.back().id;
  };
  return mailboxes_.emplace(name, find()).first->second;
}

void Importer::mailbox(const std::string& name) {
  if (auto id = resolve(name); !id) unread("mailbox " + printable(name), id.error().text, 1);
}

void Importer::problem(const std::string& where, const std::string& reason) { listener_.problem(where, reason); }

void Importer::unread(const std::string& where, const std::string& reason, std::uint64_t count) {
  counts_.unread += count;
  problem(where, reason);
}

void Importer::begin(Found found) {
  current_ = std::make_unique<Item>();
  current_->found = std::move(found);
  current_->spool = services_.accounts.spool();
}

void Importer::append(std::string_view bytes) {
  lines_.clear();
  current_->lines.append(bytes, lines_);
  current_->hash.update(lines_);
  current_->spool->append(lines_);
}

void Importer::drop(const Error& reason) {
  if (reason.code == Errc::tooLong) services_.limits.hit(messageLimit, account_->name());
  refuse(*current_, reason);
  current_.reset();
}

void Importer::refuse(const Item& item, const Error& error) {
  ++counts_.refused;
  problem(item.found.where, error.text);
}

Result<void> Importer::end(const imap::Flags& flags) {
  auto item = std::move(current_);
  auto& all = item->found.flags;
  all = imap::unite(all, flags);
  auto id = resolve(item->found.mailbox);
  if (!id) {
    refuse(*item, id.error());
    return {};
  }
  item->mailbox = *id;
  item->flagsThere = all;
  bool judged = all.has(imap::Flag::junk) || all.has(imap::Flag::notJunk);
  if (!judged && isJunkName(destination(item->found.mailbox))) all.set(imap::Flag::junk);
  item->spool->finish();
  item->digest = item->hash.take();
  // A large body is in a file; only what is in memory bounds the batch.
  batchBytes_ += std::min<std::size_t>(static_cast<std::size_t>(item->spool->size()), store::bodyInlineLimit);
  batch_.push_back(std::move(item));
  if (batch_.size() < importBatchMessages && batchBytes_ < importBatchBytes) return {};
  return flush();
}

bool Importer::isNew(store::Reader& look, std::map<std::string, store::ImportMark>& marks, const Item& item) {
  auto [place, first] = marks.try_emplace(markKey(item.mailbox, item.digest));
  auto& mark = place->second;
  if (first) mark = look.imported(item.mailbox, item.digest).value_or(store::ImportMark{item.mailbox, item.digest, 0, 0, 0});
  if (mark.run != run_) {
    mark.run = run_;
    mark.seen = 0;
  }
  ++mark.seen;
  if (mark.seen <= mark.count && !options_.again) return false;
  ++mark.count;
  return true;
}

Result<void> Importer::flush() {
  if (batch_.empty()) return {};
  if (listener_.stopping && listener_.stopping()) return fail(Errc::temporary, "the server stops; run the import again to go on");
  auto batch = std::move(batch_);
  batch_.clear();
  batchBytes_ = 0;
  std::map<std::string, store::ImportMark> marks;
  std::vector<Item*> wanted;
  {
    auto look = account_->reader();
    for (auto& item : batch)
      if (isNew(look, marks, *item)) wanted.push_back(item.get());
      else ++counts_.known;
  }
  auto done = store(wanted, marks);
  tellProgress();
  return done;
}

namespace {

std::vector<store::ImportMark> values(const std::map<std::string, store::ImportMark>& marks) {
  std::vector<store::ImportMark> out;
  for (const auto& [key, mark] : marks) out.push_back(mark);
  return out;
}

}  // namespace

store::DeliverOptions Importer::deliverOptions(const std::vector<Item*>& items) const {
  store::DeliverOptions out;
  out.quota = options_.quota;
  out.quotaMessages = options_.quotaMessages;
  for (const auto* item : items) out.origins.push_back({item->found.source, Uid(item->found.sourceUid), {}, {}, {}, item->flagsThere});
  return out;
}

Result<void> Importer::store(std::vector<Item*>& items, const std::map<std::string, store::ImportMark>& marks) {
  std::vector<store::NewMessage> messages;
  for (auto* item : items) messages.push_back(item->message(services_.clock));
  auto options = deliverOptions(items);
  options.imported = values(marks);
  auto stored = account_->deliver(std::move(messages), options);
  if (!stored) return storeSingly(items, marks);
  counts_.added += items.size();
  for (const auto* item : items) counts_.bytes += item->spool->size();
  return {};
}

/// One of the batch cannot be stored; which one, and what becomes of the others?
Result<void> Importer::storeSingly(std::vector<Item*>& items, const std::map<std::string, store::ImportMark>& marks) {
  // What the account has of each before this run adds one after the other.
  std::map<std::string, store::ImportMark> each = marks;
  for (const auto* item : items) --each[markKey(item->mailbox, item->digest)].count;
  for (auto* item : items) {
    auto mark = ++each[markKey(item->mailbox, item->digest)].count;
    std::vector<store::NewMessage> one;
    one.push_back(item->message(services_.clock));
    auto options = deliverOptions({item});
    options.imported = {each[markKey(item->mailbox, item->digest)]};
    auto stored = account_->deliver(std::move(one), options);
    if (stored) {
      ++counts_.added;
      counts_.bytes += item->spool->size();
      continue;
    }
    each[markKey(item->mailbox, item->digest)].count = mark - 1;
    refuse(*item, stored.error());
    // Without room the rest would only be a long list of the same.
    if (stored.error().code == Errc::overQuota) return tl::unexpected(stored.error());
  }
  // How often messages were seen that were not stored counts too.
  store::DeliverOptions options;
  options.imported = values(each);
  auto noted = account_->deliver({}, options);
  return noted ? Result<void>() : tl::unexpected(noted.error());
}

void Importer::tellProgress() {
  auto now = services_.clock.steady();
  if (now - told_ < importProgressEvery) return;
  told_ = now;
  listener_.progress(counts_);
}

Result<void> Importer::finish() { return flush(); }

}  // namespace mox::transfer
