#include "ImapClient.h"

#include <algorithm>
#include <stdexcept>

namespace mox::bench {
namespace {

constexpr std::size_t kTail = 1024;  // of an answer that is kept

std::size_t occurrences(std::string_view text, std::string_view mark) {
  std::size_t count = 0;
  for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) ++count;
  return count;
}

std::string appendCommand(const std::string& mailbox, std::size_t size, const char* plus) {
  return "c APPEND \"" + mailbox + "\" {" + std::to_string(size) + plus + "}\r\n";
}

}  // namespace

ImapClient::ImapClient(const Options& options, const Tls& tls, std::size_t number)
    : wire_(Endpoint{options.text("host"), static_cast<unsigned short>(options.number("port")), options.yes("spread"), 60},
            options.number("first") + number) {
  if (options.yes("tls")) wire_.startTls(tls);
  (void)wire_.line();
}

void ImapClient::login(const Options& options) { command("LOGIN \"" + options.text("user") + "\" \"" + options.text("password") + "\""); }

void ImapClient::command(const std::string& words) {
  wire_.send("c " + words + "\r\n");
  finish(words);
}

void ImapClient::finish(const std::string& words) {
  std::string_view line = wire_.line();
  while (line.substr(0, 2) != "c ") {
    if (line.substr(0, 5) == "* BYE" && words != "LOGOUT") throw std::runtime_error(std::string(line));
    line = wire_.line();
  }
  if (line.substr(0, 5) != "c OK ") throw std::runtime_error(words.substr(0, 20) + ": " + std::string(line));
}

void ImapClient::append(const std::string& mailbox, std::string_view message) {
  wire_.send(appendCommand(mailbox, message.size(), ""));
  if (wire_.line().substr(0, 1) != "+") throw std::runtime_error("APPEND: no continuation");
  wire_.send(std::string(message) + "\r\n");
  finish("APPEND");
}

void ImapClient::sendAppend(const std::string& mailbox, std::string_view message) {
  wire_.send(appendCommand(mailbox, message.size(), "+").append(message) + "\r\n");
}

ImapClient::Bulk ImapClient::bulk(const std::string& words) {
  static const std::string kTag = "\r\nzq8xk7 ", kMark = " FETCH (";  // neither is in a message of ours
  wire_.send(kTag.substr(2) + words + "\r\n");
  Bulk found;
  auto& tail = found.end;
  tail = "\r\n";
  for (;;) {
    const std::string_view piece = wire_.piece();
    found.octets += piece.size();
    // A mark that lies across two pieces is found in the end of one with the start of the other.
    std::string seam = tail.substr(tail.size() - std::min(tail.size(), kMark.size() - 1));
    seam += piece.substr(0, kMark.size() - 1);
    found.messages += occurrences(seam, kMark) + occurrences(piece, kMark);
    tail.append(piece.substr(piece.size() > kTail ? piece.size() - kTail : 0));
    if (tail.size() > kTail) tail.erase(0, tail.size() - kTail);
    const std::size_t at = tail.rfind(kTag);
    if (at == std::string::npos || tail.compare(tail.size() - 2, 2, "\r\n") != 0) continue;
    if (tail.compare(at + kTag.size(), 3, "OK ") != 0) throw std::runtime_error(words + tail.substr(at));
    return found;
  }
}

}  // namespace mox::bench
