#include "imap/EnvelopeText.h"

#include "base/Text.h"

namespace mox::imap {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool take(std::string_view what) {
    if (!text_.starts_with(what)) return false;
    text_.remove_prefix(what.size());
    return true;
  }
  bool atEnd() const { return text_.empty(); }

  bool nstring(std::optional<std::string>& out) {
    if (take("NIL")) return true;
    if (take("{")) return literal(out.emplace());
    return take("\"") && quoted(out.emplace());
  }

  bool addresses(std::vector<message::EnvelopeAddress>& out) {
    if (take("NIL")) return true;
    if (!take("(")) return false;
    while (!take(")"))
      if (!address(out.emplace_back())) return false;
    return true;
  }

 private:
  bool quoted(std::string& out) {
    while (true) {
      auto end = text_.find_first_of("\"\\");
      if (end == std::string_view::npos) return false;
      out.append(text_.substr(0, end));
      bool escape = text_[end] == '\\';
      text_.remove_prefix(end + 1);
      if (!escape) return true;
      if (text_.empty()) return false;
      out += text_.front();
      text_.remove_prefix(1);
    }
  }

  bool literal(std::string& out) {
    auto end = text_.find("}\r\n");
    auto size = end == std::string_view::npos ? std::nullopt : parseUnsigned(text_.substr(0, end));
    if (!size || *size > text_.size() - end - 3) return false;
    out.assign(text_.substr(end + 3, static_cast<std::size_t>(*size)));
    text_.remove_prefix(end + 3 + static_cast<std::size_t>(*size));
    return true;
  }

  bool address(message::EnvelopeAddress& out) {
    return take("(") && nstring(out.name) && take(" NIL ") && nstring(out.mailbox) && take(" ") && nstring(out.host) && take(")");
  }

  std::string_view text_;
};

}  // namespace

std::optional<message::Envelope> parseEnvelope(std::string_view text) {
  Reader in(text);
  message::Envelope out;
  bool good = in.take("(") && in.nstring(out.date) && in.take(" ") && in.nstring(out.subject);
  for (auto* addresses : {&out.from, &out.sender, &out.replyTo, &out.to, &out.cc, &out.bcc})
    good = good && in.take(" ") && in.addresses(*addresses);
  good = good && in.take(" ") && in.nstring(out.inReplyTo) && in.take(" ") && in.nstring(out.messageId) && in.take(")") && in.atEnd();
  return good ? std::optional(std::move(out)) : std::nullopt;
}

}  // namespace mox::imap
