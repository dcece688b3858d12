#pragma once

namespace orrery {

/// OpenSSL's queue of errors is empty before each of its calls in a program that refers to this; why is in
/// tls_errors.cpp. Does nothing itself.
void clear_tls_errors_before_calls();

}  // namespace orrery
