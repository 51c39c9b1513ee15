// Export and import again: the same mailboxes, flags, dates and octets.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "store/Spool.h"
#include "transfer/Fixture.h"

using namespace mox;
using namespace mox::transfer;
using namespace mox::transfer::test;

namespace {

imap::Flags flagsOf(std::initializer_list<const char*> words) {
  imap::Flags flags;
  for (const char* word : words) CHECK(flags.add(word));
  return flags;
}

}  // namespace

struct RoundTripTest : mox::test::Suite<RoundTripTest>, Fixture {
  static void list(List& l) {
    l.add("maildir folders", &RoundTripTest::maildirFolders);
    l.add("mbox folders", &RoundTripTest::mboxFolders);
    l.add("maildir in zip, tar and tgz", &RoundTripTest::maildirArchives);
    l.add("mbox in zip, tar and tgz", &RoundTripTest::mboxArchives);
    l.add("mailboxes called as the files of a maildir or of mboxes", &RoundTripTest::likeFiles);
    l.add("one mailbox, with and without those below", &RoundTripTest::single);
    l.add("nothing is written over", &RoundTripTest::existing);
    l.add("names in an archive make no files", &RoundTripTest::slip);
    l.add("hard links are read as what they are links of", &RoundTripTest::hardLinks);
    l.add("a file with many hard links, and one that is its own", &RoundTripTest::manyLinks);
    l.add("a bomb is not read to its end", &RoundTripTest::bomb);
    l.add("a damaged archive keeps what came before", &RoundTripTest::damaged);
  }

  void fill() {
    auto full = account("a");
    for (const char* name : {"Archive/2024", "Archive/cur", ".odd/100%", "Entw\u00fcrfe", "Empty"}) CHECK(full->createMailbox(name).has_value());
    auto put = [&](const char* mailbox, const std::string& text, imap::Flags flags, std::int64_t received) {
      auto parsed = message::parse(text);
      store::NewMessage message;
      message.mailbox = full->reader().mailbox(mailbox)->id;
      message.data = text;
      message.parsed = &parsed;
      message.flags = std::move(flags);
      message.received = fromUnixSeconds(received);
      std::vector<store::NewMessage> one;
      one.push_back(std::move(message));
      CHECK(full->deliver(std::move(one)).has_value());
    };
    put("Inbox", "Subject: plain\r\n\r\nbody\r\n", flagsOf({"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"}), 1'136'214'245);
    put("Inbox", "Subject: words\r\n\r\nFrom here\r\n>From there\r\n\r\n\r\n", flagsOf({"$Forwarded", "$Junk", "$MDNSent", "work", "$label1"}), 1'700'000'001);
    put("Inbox", "Status: RO\r\nX-Status: F\r\nX-Keywords: mine\r\nSubject: fields\r\n\r\nx\r\n", {}, 1'600'000'000);
    put("Inbox", "Subject: no body\r\n", flagsOf({"\\Seen"}), 1'600'000'001);
    put("Archive/2024", "Subject: cr\r\n\r\na\rb\r\r\n\r\n", flagsOf({"$Phishing"}), 1'600'000'002);
    put("Archive/cur", "From x Mon Jan  2 15:04:05 2006\r\nSubject: from in header\r\n\r\n\r\n\r\n", {}, 1'600'000'003);
    put(".odd/100%", "Subject: twice\r\n\r\n", flagsOf({"$NotJunk"}), 1'600'000'004);
    put(".odd/100%", "Subject: twice\r\n\r\n", flagsOf({"$NotJunk"}), 1'600'000'004);
    put("Entw\u00fcrfe", "Subject: large\r\n\r\n" + std::string(store::bodyInlineLimit + 100, 'L') + "\r\n", {}, 1'600'000'005);
  }

  void roundTrip(ExportOptions::Format format, const std::string& name) {
    ExportOptions options;
    options.format = format;
    auto exported = exportTo("a", name, options);
    CHECK(exported.has_value());
    CHECK_EQ(std::uint64_t{9}, exported->messages);
    CHECK_EQ(std::uint64_t{0}, exported->lostKeywords);
    auto copy = "copy" + std::to_string(copies_++);
    CHECK(import(copy, name).has_value());
    CHECK_EQ(std::string(), show(problems));
    auto before = holdings("a"), after = holdings(copy);
    // A folder is read in the order of its names, which is that of the dates; all others keep the order of the UIDs.
    if (format == ExportOptions::Format::maildir && targetKind(name) == TargetKind::folder)
      for (auto* lines : {&before, &after}) std::sort(lines->begin(), lines->end());
    CHECK_EQ(show(before), show(after));
    checkSound(copy);
  }
  int copies_ = 0;

  void maildirFolders() {
    fill();
    roundTrip(ExportOptions::Format::maildir, "out");
  }
  void mboxFolders() {
    fill();
    roundTrip(ExportOptions::Format::mbox, "out");
  }
  void maildirArchives() {
    fill();
    for (const char* name : {"m.zip", "m.tar", "m.tgz", "m.tar.gz"}) roundTrip(ExportOptions::Format::maildir, name);
  }
  void mboxArchives() {
    fill();
    for (const char* name : {"b.zip", "b.tar", "b.tgz"}) roundTrip(ExportOptions::Format::mbox, name);
  }

  void likeFiles() {
    auto full = account("a");
    for (const char* name : {"x", "x.mbox", "x.mbox/y", "x.mbox.mbox", "Inbox/dovecot-keywords"}) CHECK(full->createMailbox(name).has_value());
    for (auto format : {ExportOptions::Format::maildir, ExportOptions::Format::mbox})
      for (const char* name : {"out", "out.zip"}) {
        auto kind = format == ExportOptions::Format::mbox ? "b" : "m";
        ExportOptions options;
        options.format = format;
        CHECK(exportTo("a", std::string(kind) + name, options).has_value());
        auto copy = "copy" + std::to_string(copies_++);
        CHECK(import(copy, std::string(kind) + name).has_value());
        CHECK_EQ(show(holdings("a")), show(holdings(copy)));
      }
  }

  void single() {
    fill();
    ExportOptions options;
    options.mailbox = "Archive";
    CHECK_EQ(std::uint64_t{3}, exportTo("a", "with", options)->mailboxes);
    options.single = true;
    CHECK_EQ(std::uint64_t{1}, exportTo("a", "without", options)->mailboxes);
    options.mailbox = "Arch";
    CHECK(!exportTo("a", "none", options));
    for (const char* name : {"Inbox", "INBOX", "inbox"}) {
      options.mailbox = name;
      CHECK_EQ(std::uint64_t{4}, exportTo("a", std::string("of ") + name, options)->messages);
    }
  }

  void existing() {
    fill();
    directory.write("there.zip", "x");
    directory.write("full/file", "x");
    CHECK_THROWS(store::FileError, exportTo("a", "there.zip"));
    CHECK_THROWS(store::FileError, exportTo("a", "full"));
    CHECK_EQ(std::string("x"), directory.read("there.zip"));
    // One that is not finished leaves nothing.
    ExportOptions options;
    options.mailbox = "missing";
    CHECK(!exportTo("a", "half.tgz", options));
    CHECK(!std::filesystem::exists(directory / "half.tgz") && !std::filesystem::exists(directory / "half.tgz.part"));
  }

  /// Adds to a tar that is being written; `linkTo` for a hard link, or with `symbolic` another one.
  static void add(archive* out, const std::string& path, const std::string& text, const std::string& linkTo = "", bool symbolic = false) {
    auto* entry = archive_entry_new();
    archive_entry_set_pathname(entry, path.c_str());
    archive_entry_set_filetype(entry, symbolic ? AE_IFLNK : AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_mtime(entry, 1'136'214'245, 0);
    archive_entry_set_size(entry, static_cast<la_int64_t>(text.size()));
    if (!linkTo.empty() && symbolic) archive_entry_set_symlink(entry, linkTo.c_str());
    if (!linkTo.empty() && !symbolic) archive_entry_set_hardlink(entry, linkTo.c_str());
    CHECK_EQ(ARCHIVE_OK, archive_write_header(out, entry));
    CHECK_EQ(static_cast<la_ssize_t>(text.size()), archive_write_data(out, text.data(), text.size()));
    archive_entry_free(entry);
  }

  /// A tar with these files.
  void tar(const std::string& name, const std::vector<std::pair<std::string, std::string>>& entries, bool gzip = false) {
    auto* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    if (gzip) archive_write_add_filter_gzip(out);
    CHECK_EQ(ARCHIVE_OK, archive_write_open_filename(out, (directory / name).c_str()));
    for (const auto& [path, text] : entries) add(out, path, text);
    CHECK_EQ(ARCHIVE_OK, archive_write_free(out));
  }

  void slip() {
    tar("evil.tar", {{"../../escaped/cur/1:2,S", "S: 1\n\n"}, {"/etc/cron.d/x", "From a Mon Jan  2 15:04:05 2006\nS: 2\n\n"}, {"good/cur/1:2,S", "S: 3\n\n"}});
    CHECK(import("a", "evil.tar").has_value());
    CHECK_EQ(std::string("../../escaped/cur/1:2,S: a name that leads out of the folder\n"), show(problems));
    CHECK_EQ(std::uint64_t{2}, counts.added);
    CHECK(!std::filesystem::exists(directory / "../escaped"));
  }

  void hardLinks() {
    auto* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    archive_write_add_filter_gzip(out);
    CHECK_EQ(ARCHIVE_OK, archive_write_open_filename(out, (directory / "links.tgz").c_str()));
    add(out, "./dovecot-keywords", "0 work\n");
    add(out, "./.Archive/dovecot-keywords", "", "./dovecot-keywords");
    add(out, "./cur/1:2,S", "S: 1\n\n");
    add(out, "./.Archive/cur/1:2,Fa", "", "./cur/1:2,S");
    add(out, "./.Old/cur/1:2,", "", "cur/1:2,S");
    add(out, "./cur/2:2,", "S: 2\n\n");
    add(out, "./.Archive/cur/2:2,", "", "./cur/2:2,");
    add(out, "./.Archive/cur/3:2,", "", "./cur/missing");
    add(out, "./cur/4:2,", "", "1:2,S", true);
    CHECK_EQ(ARCHIVE_OK, archive_write_free(out));
    CHECK(import("a", "links.tgz").has_value());
    CHECK_EQ(std::string("./cur/4:2,: a symbolic link, which is not followed; what it points to can be imported by itself\n"
                         "./.Archive/cur/3:2,: a hard link of cur/missing, which is not there, or has too many\n"),
             show(problems));
    CHECK_EQ(std::uint64_t{2}, counts.unread);
    std::string at = " 2006-01-02T15:04:05Z ";
    Holdings wanted{"[Inbox]", "(\\Seen)" + at + "S: 1\r\n\r\n", "()" + at + "S: 2\r\n\r\n", "[Archive]", "(\\Flagged work)" + at + "S: 1\r\n\r\n",
                    "()" + at + "S: 2\r\n\r\n", "[Old]", "()" + at + "S: 1\r\n\r\n"};
    CHECK_EQ(show(wanted), show(holdings("a")));
    CHECK(import("a", "links.tgz").has_value());
    CHECK_EQ(std::uint64_t{0}, counts.added);
  }

  /// The archive is read a bounded number of times.
  void manyLinks() {
    auto* out = archive_write_new();
    archive_write_set_format_pax_restricted(out);
    CHECK_EQ(ARCHIVE_OK, archive_write_open_filename(out, (directory / "many.tar").c_str()));
    add(out, "cur/1:2,", "S: 1\n\n");
    for (std::size_t i = 0; i < maxLinksOfFile + 3; ++i) add(out, "." + std::to_string(i) + "/cur/1:2,", "", "cur/1:2,");
    add(out, "cur/loop:2,", "", "cur/loop:2,");
    CHECK_EQ(ARCHIVE_OK, archive_write_free(out));
    CHECK(import("a", "many.tar").has_value());
    CHECK_EQ(std::uint64_t{maxLinksOfFile + 1}, counts.added);
    CHECK_EQ(std::uint64_t{4}, counts.unread);
  }

  void bomb() {
    tar("bomb.tgz", {{"a/cur/1:2,", "S: 1\n\n"}, {"b/cur/2:2,", std::string(archiveRatioFrom + (1 << 20), 'x')}}, true);
    auto done = import("a", "bomb.tgz");
    CHECK(!done && done.error().code == Errc::tooLong);
  }

  void damaged() {
    fill();
    CHECK(exportTo("a", "whole.tgz").has_value());
    auto bytes = directory.read("whole.tgz");
    directory.write("cut.tgz", bytes.substr(0, bytes.size() / 2));
    auto done = import("b", "cut.tgz");
    CHECK(!done && done.error().code == Errc::syntax);
    checkSound("b");
  }
};
SUITE(RoundTripTest);
