#pragma once
#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace mox::bench {

// A client's TLS settings, shared by all its connections and outliving them. Certificates are not verified: this is a load
// generator inside a lab.
class Tls {
 public:
  Tls();
  [[nodiscard]] SSL_CTX* context() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  std::unique_ptr<SSL_CTX, Free> context_;
};

struct Endpoint {
  std::string address;  // IPv4
  unsigned short port = 0;
  bool spread = false;    // see source()
  unsigned seconds = 60;  // for one read or write
};

// The source address of the n-th connection when Endpoint::spread is set: one of 127.0.0.0/8, each in a /21 of its own, because
// a mail server counts what a network does in a minute and this load stands for the clients of a whole town. 8,191 of them, then
// again from the first. In host order.
[[nodiscard]] unsigned source(std::size_t connection);

// One blocking TCP connection, in the clear or with TLS, read by lines or in pieces. Owned by one thread. Everything that
// fails is a std::runtime_error, and the connection is then of no more use.
class Wire {
 public:
  Wire(const Endpoint& endpoint, std::size_t connection);
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  ~Wire();

  void startTls(const Tls& tls);
  void send(std::string_view octets);
  // Without CRLF; valid until the next read.
  [[nodiscard]] std::string_view line();
  // Whatever has arrived, at least one octet; valid until the next read.
  [[nodiscard]] std::string_view piece();
  // Gives the read buffer's memory back, for connections that stay idle.
  void rest();

 private:
  void fill();

  struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  int socket_ = -1;
  std::unique_ptr<SSL, Free> ssl_;
  std::string buffer_;
  std::size_t used_ = 0;  // of buffer_, already given out
};

}  // namespace mox::bench
