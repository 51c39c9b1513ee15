// Owning pointers for OpenSSL's objects and its error queue as text. Only for .cpp files of rooms that use OpenSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace mox::net {

template <auto Free>
struct OpenSslDelete {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

using BioPtr = std::unique_ptr<BIO, OpenSslDelete<BIO_free_all>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, OpenSslDelete<EVP_PKEY_free>>;
using X509Ptr = std::unique_ptr<X509, OpenSslDelete<X509_free>>;
using SslPtr = std::unique_ptr<SSL, OpenSslDelete<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, OpenSslDelete<SSL_CTX_free>>;

/// The first (deepest) error of this thread's queue, which is emptied; "unknown" if there is none.
std::string opensslError();
/// A reader over `text`, which must outlive it.
BioPtr memoryBio(std::string_view text);
std::string bioText(BIO& bio);

}  // namespace mox::net
