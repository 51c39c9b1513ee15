// Channel bindings: what ties a SASL exchange to the TLS connection it runs in,
// so that a man in the middle of TLS cannot pass it on. RFC 5056, 5929, 9266.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mox::sasl {

/// Binding data of a connection as net::TlsInfo gives them; "" where TLS does not define one.
struct ChannelBindings {
  bool tls = false;            ///< the connection is encrypted at all
  std::string exporter;        ///< tls-exporter, TLS 1.3 only (RFC 9266)
  std::string unique;          ///< tls-unique, up to TLS 1.2 with extended master secret (RFC 5929 §3)
  std::string serverEndPoint;  ///< tls-server-end-point (RFC 5929 §4)

  bool any() const { return !exporter.empty() || !unique.empty() || !serverEndPoint.empty(); }
  /// Data of the binding type of that name; nothing for an unknown type or one this connection lacks.
  std::optional<std::string> find(std::string_view type) const {
    const std::string* data = nullptr;
    if (type == "tls-exporter") data = &exporter;
    else if (type == "tls-unique") data = &unique;
    else if (type == "tls-server-end-point") data = &serverEndPoint;
    return data != nullptr && !data->empty() ? std::optional(*data) : std::nullopt;
  }
  /// The strongest type there is, "" if none.
  std::string_view best() const {
    if (!exporter.empty()) return "tls-exporter";
    if (!unique.empty()) return "tls-unique";
    return serverEndPoint.empty() ? "" : "tls-server-end-point";
  }
};

}  // namespace mox::sasl
