#include "transfer/ImapConnection.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Text.h"

namespace mox::transfer {

Result<void> ImapConnection::fill() {
  auto more = stream_.read();
  if (!more) return tl::unexpected(more.error());
  if (more->empty()) return fail(Errc::temporary, "the server closed the connection");
  held_.erase(0, at_);
  at_ = 0;
  held_.append(*more);
  return {};
}

Result<std::string> ImapConnection::line() {
  for (;;) {
    auto end = held_.find("\r\n", at_);
    if (end != std::string::npos) {
      auto out = held_.substr(at_, end - at_);
      at_ = end + 2;
      return out;
    }
    if (held_.size() - at_ > maxResponseBytes) return fail(Errc::tooLong, "the server sends a line without end");
    if (auto more = fill(); !more) return tl::unexpected(more.error());
  }
}

Result<void> ImapConnection::literal(std::uint64_t size, const std::function<void(std::string_view)>& take) {
  while (size > 0) {
    if (at_ == held_.size())
      if (auto more = fill(); !more) return more;
    auto piece = std::string_view(held_).substr(at_, static_cast<std::size_t>(std::min<std::uint64_t>(size, held_.size() - at_)));
    take(piece);
    at_ += piece.size();
    size -= piece.size();
  }
  return {};
}

Result<imap::ServerResponse> ImapConnection::response(const ImapListener& listener) {
  std::string text;
  for (;;) {
    auto next = line();
    if (!next) return tl::unexpected(next.error());
    text += *next;
    if (text.size() > maxResponseBytes) return fail(Errc::tooLong, "the server sends a response without end");
    auto size = imap::literalAtEnd(*next);
    if (!size || text.starts_with("+ ")) return imap::parseServerResponse(text);
    bool streamed = listener.takesLiteral && listener.takesLiteral(text, *size);
    if (!streamed && *size > maxResponseBytes - std::min(maxResponseBytes, text.size())) return fail(Errc::tooLong, "the server sends a literal that nobody asked for");
    std::function<void(std::string_view)> keep = [&text](std::string_view piece) { text += piece; };
    if (streamed) text.replace(text.rfind('{'), std::string::npos, "{0}");
    text += "\r\n";
    auto done = literal(*size, streamed ? listener.octets : keep);
    if (!done && streamed) listener.broken(done.error());
    if (done && streamed) done = listener.ended();
    if (!done) return tl::unexpected(done.error());
  }
}

Result<imap::ServerResponse> ImapConnection::greeting() {
  auto said = response({});
  if (!said) return said;
  if (said->condition == "BYE") return fail(Errc::denied, "the server refuses: " + printable(said->text));
  if (said->condition != "OK" && said->condition != "PREAUTH") return fail(Errc::syntax, "this is no IMAP server");
  return said;
}

Result<void> ImapConnection::command(const std::string& text, const ImapListener& listener, const std::string& continuation) {
  auto tag = fmt::format("m{}", ++tags_);
  if (auto sent = stream_.write(tag + " " + text + "\r\n"); !sent) return sent;
  for (;;) {
    auto said = response(listener);
    if (!said) return tl::unexpected(said.error());
    if (said->tag == "+") {
      if (auto sent = stream_.write(continuation + "\r\n"); !sent) return sent;
    } else if (said->tag == "*") {
      if (said->condition == "BYE") return fail(Errc::temporary, "the server says goodbye: " + printable(said->text));
      if (listener.untagged)
        if (auto heard = listener.untagged(*said); !heard) return heard;
    } else if (said->tag == tag) {
      if (said->condition == "OK") return {};
      return fail(said->condition == "NO" ? Errc::denied : Errc::unsupported, printable(said->condition + " " + said->text));
    } else {
      return fail(Errc::syntax, "the server answers a command that was not given");
    }
  }
}

}  // namespace mox::transfer
