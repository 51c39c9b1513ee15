#include "app/OneRequestHttp.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "base/Text.h"

namespace mox::app {

namespace {

std::string_view reason(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 431: return "Request Header Fields Too Large";
    case 503: return "Service Unavailable";
    default: return "HTTP Version Not Supported";
  }
}

void send(net::Channel& channel, const HttpReply& reply) {
  channel.write(fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n{}\r\n",
                            reply.status, reason(reply.status), reply.contentType, reply.body.size(), reply.status == 405 ? "Allow: GET, HEAD\r\n" : ""));
  if (!reply.headOnly) channel.write(reply.body);
  channel.close();
}

bool isTokenChar(char c) { return isAlpha(c) || isDigit(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos; }

bool isToken(std::string_view text) {
  for (char c : text)
    if (!isTokenChar(c)) return false;
  return !text.empty();
}

bool isFieldValue(std::string_view text) {
  for (char c : text)
    if (c != '\t' && (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)) return false;
  return true;
}

/// RFC 9112 §3.2, §5.1: well-formed fields, one Host, and nothing that announces a body.
bool fieldsAreFine(const std::vector<std::string_view>& lines, bool hostNeeded) {
  int hosts = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    auto field = cut(lines[i], ':');
    if (!field || !isToken(field->first) || !isFieldValue(field->second)) return false;
    if (equalsNoCase(field->first, "Host")) ++hosts;
    if (equalsNoCase(field->first, "Transfer-Encoding")) return false;
    if (equalsNoCase(field->first, "Content-Length") && trim(field->second) != "0") return false;
  }
  return hosts == 1 || (hosts == 0 && !hostNeeded);
}

/// RFC 9112 §3.2.1, §3.2.2: the path of a target, also of one as for a proxy, which a server must take. Which name a request is
/// for makes no difference here. Nothing for a URL without a host (RFC 9110 §4.2.1).
std::optional<std::string_view> pathOf(std::string_view target) {
  constexpr std::string_view scheme = "http://";
  if (equalsNoCase(target.substr(0, scheme.size()), scheme)) {
    target.remove_prefix(scheme.size());
    auto host = target.substr(0, target.find_first_of("/?"));
    if (host.empty()) return std::nullopt;
    target.remove_prefix(host.size());
    if (!target.starts_with('/')) return "/";
  }
  return target.substr(0, target.find('?'));
}

/// Lines of the head without their CRLF; nothing if a CR or LF stands alone.
std::vector<std::string_view> linesOf(std::string_view head) {
  std::vector<std::string_view> out;
  for (auto line : split(head, '\n')) {
    if (!line.ends_with('\r')) return {};
    line.remove_suffix(1);
    if (line.find('\r') != std::string_view::npos) return {};
    out.push_back(line);
  }
  return out;
}

}  // namespace

HttpReply HttpReply::plain(int status, std::string_view text) {
  return {status, "text/plain; charset=utf-8", std::string(text.empty() ? reason(status) : text) + "\n"};
}

HttpReply MetricsSource::page(std::string_view path) const {
  if (path == "/metrics") return {200, "text/plain; version=0.0.4; charset=utf-8", metrics()};
  if (path == "/livez") return HttpReply::plain(200, "ok");
  if (path == "/readyz") return ready() ? HttpReply::plain(200, "ok") : HttpReply::plain(503, "not ready");
  return HttpReply::plain(404);
}

void OneRequestSession::onOpen(net::Channel& channel) { channel.setDeadline(deadline); }

std::size_t OneRequestSession::onInput(net::Channel& channel, std::string_view input) {
  auto end = input.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  send(channel, answer(input.substr(0, end + 1)));  // with the CR of the last line, so that all lines look alike
  return input.size();
}

HttpReply OneRequestSession::answer(std::string_view head) const {
  auto lines = linesOf(head);
  if (lines.empty()) return HttpReply::plain(400);
  auto parts = split(lines[0], ' ');
  if (parts.size() != 3 || !isToken(parts[0]) || parts[1].empty() || !isFieldValue(parts[1])) return HttpReply::plain(400);
  if (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0") return HttpReply::plain(parts[2].starts_with("HTTP/") ? 505 : 400);
  if (!fieldsAreFine(lines, parts[2] == "HTTP/1.1")) return HttpReply::plain(400);
  if (parts[0] != "GET" && parts[0] != "HEAD") return HttpReply::plain(405);
  auto path = pathOf(parts[1]);
  if (!path) return HttpReply::plain(400);
  auto reply = pages_(*path);
  reply.headOnly = parts[0] == "HEAD";
  return reply;
}

void OneRequestSession::onDeadline(net::Channel& channel) { send(channel, HttpReply::plain(408)); }
void OneRequestSession::onOverrun(net::Channel& channel) { send(channel, HttpReply::plain(431)); }

}  // namespace mox::app
