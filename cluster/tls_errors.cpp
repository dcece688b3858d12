/// OpenSSL wants the thread's queue of errors empty before each call, or its answer about the call cannot be
/// relied on (SSL_get_error(3)). CAF 0.17.6 does not see to that: what a stranger's failed handshake left in
/// the queue was taken for the failure of whichever connection came next, and each such handshake ended
/// connections between nodes that were sound. So these four stand before OpenSSL's own, for the
/// whole program; all others that call them clear the queue themselves.

#include "cluster/tls_errors.hpp"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace {

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int SSL_accept(SSL* connection) {
  static const auto real = next<int (*)(SSL*)>("SSL_accept");
  ::ERR_clear_error();
  return real(connection);
}

int SSL_connect(SSL* connection) {
  static const auto real = next<int (*)(SSL*)>("SSL_connect");
  ::ERR_clear_error();
  return real(connection);
}

int SSL_read(SSL* connection, void* into, int size) {
  static const auto real = next<int (*)(SSL*, void*, int)>("SSL_read");
  ::ERR_clear_error();
  return real(connection, into, size);
}

int SSL_write(SSL* connection, const void* from, int size) {
  static const auto real = next<int (*)(SSL*, const void*, int)>("SSL_write");
  ::ERR_clear_error();
  return real(connection, from, size);
}

}  // extern "C"

namespace orrery {

void clear_tls_errors_before_calls() {}

}  // namespace orrery
