#include "store/StoreFixture.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/Text.h"

namespace mox::store::test {

TempDirectory::TempDirectory() {
  // In memory where there is such a place: thousands of fsyncs on a busy disk would take minutes.
  bool chosen = std::getenv("TMPDIR") != nullptr || ::access("/dev/shm", W_OK) != 0;
  std::string pattern = (chosen ? std::filesystem::temp_directory_path().string() : "/dev/shm") + "/mox-store-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;  // a leftover in the temporary directory fails no test
  std::filesystem::remove_all(path_, ignored);
}

Mail::Mail(std::string text) : data(std::move(text)) {
  parsed.root.bodyStart = data.find("\r\n\r\n") == std::string::npos ? data.size() : data.find("\r\n\r\n") + 4;
  parsed.root.end = data.size();
  parsed.root.envelope.emplace();
  parsed.preview = "body";
}

Mail& Mail::id(const std::string& messageId) {
  parsed.messageId = messageId;
  return *this;
}

Mail& Mail::references(std::vector<std::string> ids) {
  parsed.references = std::move(ids);
  return *this;
}

Mail& Mail::subject(const std::string& base, bool reply) {
  parsed.subjectBase = base;
  parsed.isReplyOrForward = reply;
  return *this;
}

Mail& Mail::to(const std::string& localpart, const std::string& domain) {
  parsed.root.envelope->to.push_back({std::nullopt, localpart, domain});
  return *this;
}

NewMessage Mail::in(MailboxId mailbox, Flags set) const {
  NewMessage message;
  message.mailbox = mailbox;
  message.data = data;
  message.parsed = &parsed;
  message.envelope = "(envelope)";
  message.bodyStructure = "(body)";
  message.bodyStructureExtended = "(bodystructure)";
  message.partTree = std::string("tree\0with NUL", 13);
  message.flags = std::move(set);
  message.received = Time(std::chrono::seconds(1'700'000'000));
  return message;
}

Mail mailOfSize(std::size_t octets) {
  std::string text = "Subject: size\r\n\r\n";
  while (text.size() < octets) text += static_cast<char>('a' + text.size() % 23);
  text.resize(octets);
  return Mail(text);
}

AccountFixture::AccountFixture(bool open) {
  if (!open) return;
  reopen();
  account->ensureMailboxes({{"Inbox", 0}, {"Sent", sentUse}});
  inbox = id("Inbox");
  sent = id("Sent");
}

Environment AccountFixture::environment() {
  Environment environment;
  environment.files = &files;
  environment.clock = &clock;
  environment.random = &random;
  return environment;
}

void AccountFixture::reopen() {
  account.reset();
  files.makeDirectory(directory / "tmp");
  account = std::make_unique<Account>("alice", directory / "alice", directory / "tmp", environment());
}

MailboxId AccountFixture::id(const std::string& name) {
  auto mailbox = account->reader().mailbox(name);
  return mailbox ? mailbox->id : MailboxId();
}

Delivered AccountFixture::deliver(const Mail& mail, MailboxId mailbox, Flags set) {
  auto delivered = account->deliver({mail.in(mailbox, std::move(set))});
  CHECK_MSG(delivered ? "" : delivered.error().text, delivered.has_value());
  return delivered->front();
}

std::vector<Uid> AccountFixture::deliverMany(std::size_t count, MailboxId mailbox) {
  Mail mail;
  std::vector<NewMessage> messages(count, mail.in(mailbox));
  auto delivered = account->deliver(messages);
  CHECK(delivered.has_value());
  std::vector<Uid> uids;
  for (const auto& one : *delivered) uids.push_back(one.uid);
  return uids;
}

std::vector<Uid> AccountFixture::uids(MailboxId mailbox) {
  std::vector<Uid> uids;
  auto view = account->snapshot(mailbox);
  CHECK(view != nullptr);
  view->forEach([&](const ViewEntry& entry) { uids.push_back(entry.uid); });
  return uids;
}

void AccountFixture::checkSound(bool bodies) { CHECK_EQ(std::string(), show(verify(*account, files, bodies))); }

Flags flags(FlagBits bits, Keywords keywords) {
  Flags made;
  made.bits = bits;
  made.keywords = std::move(keywords);
  return made;
}

std::vector<Uid> uidList(std::initializer_list<std::uint32_t> values) {
  std::vector<Uid> uids;
  for (auto value : values) uids.emplace_back(value);
  return uids;
}

std::string show(const std::vector<Uid>& uids) {
  std::string text;
  for (auto uid : uids) text += (text.empty() ? "" : " ") + std::to_string(uid.value);
  return text;
}

std::string show(const std::vector<std::string>& lines) { return join(lines, "; "); }

}  // namespace mox::store::test
