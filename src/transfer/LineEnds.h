// Line ends between what mail is (CRLF) and what files on Unix have (LF).
#pragma once

#include <string>
#include <string_view>

namespace mox::transfer {

/// Bare LF becomes CRLF; all else stays, a bare CR too. For a stream in pieces.
class CrlfWriter {
 public:
  void append(std::string_view piece, std::string& out);

 private:
  bool afterCr_ = false;
};

/// True if CrlfWriter gives the same octets back once toLf() was done: each CR and LF is half of a CRLF.
bool isPlainCrlf(std::string_view text);
/// CRLF becomes LF.
void toLf(std::string_view text, std::string& out);

}  // namespace mox::transfer
