// RAII for libarchive. Private to the room.
#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <locale.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace mox::transfer {

struct ArchiveReadEnd {
  void operator()(archive* a) const { archive_read_free(a); }
};
struct ArchiveWriteEnd {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct ArchiveEntryEnd {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};
using ArchiveReader = std::unique_ptr<archive, ArchiveReadEnd>;
using ArchiveWriter = std::unique_ptr<archive, ArchiveWriteEnd>;
using ArchiveEntryPtr = std::unique_ptr<archive_entry, ArchiveEntryEnd>;

/// libarchive takes names to be in the charset of the thread's locale, which for a server is "C": it then loses names
/// that are not ASCII (and its zip writer, 3.6, dereferences null). While this lives the thread's charset is UTF-8.
class Utf8Names {
 public:
  Utf8Names() : locale_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{})), before_(locale_ == locale_t{} ? locale_t{} : ::uselocale(locale_)) {
    if (locale_ == locale_t{}) throw std::runtime_error("this system has no locale C.UTF-8, which archives need");
  }
  ~Utf8Names() {
    ::uselocale(before_);
    ::freelocale(locale_);
  }
  Utf8Names(const Utf8Names&) = delete;
  Utf8Names& operator=(const Utf8Names&) = delete;

 private:
  locale_t locale_, before_;
};

inline std::string archiveError(archive* a) {
  const char* text = archive_error_string(a);
  return text == nullptr ? "damaged archive" : text;
}

}  // namespace mox::transfer
