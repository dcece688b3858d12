#include "cluster/pki.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>

namespace orrery {

namespace {

template <auto Free>
struct deleter {
  template <class T>
  void operator()(T* p) const noexcept {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, deleter<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, deleter<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, deleter<BIO_free_all>>;
using bignum_ptr = std::unique_ptr<BIGNUM, deleter<BN_free>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, deleter<X509_EXTENSION_free>>;
using store_ptr = std::unique_ptr<X509_STORE, deleter<X509_STORE_free>>;
using store_context_ptr = std::unique_ptr<X509_STORE_CTX, deleter<X509_STORE_CTX_free>>;

constexpr long ten_years_seconds = 3652L * 24 * 3600;
/// Clocks of nodes differ a little; a certificate is valid from shortly before it was made.
constexpr long clock_skew_seconds = 300;

failure crypto_failure(const std::string& what) {
  std::array<char, 256> text{};
  ::ERR_error_string_n(::ERR_get_error(), text.data(), text.size());
  ::ERR_clear_error();
  return failure{errc::unavailable, what + ": " + text.data()};
}

/// Writes a new file of mode 0600; never over another.
result<void> write_new(const std::filesystem::path& file, BIO* content) {
  const char* bytes = nullptr;
  const auto length = ::BIO_get_mem_data(content, &bytes);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return failure{errno == EEXIST ? errc::conflict : errc::unavailable,
                   file.string() + ": " + std::strerror(errno)};
  const auto wrote = ::write(fd, bytes, static_cast<size_t>(length));
  const bool durable = wrote == length && ::fsync(fd) == 0;
  ::close(fd);
  if (durable)
    return {};
  ::unlink(file.c_str());
  return failure{errc::unavailable, file.string() + " could not be written"};
}

result<void> write_pair(const std::filesystem::path& certificate_file, X509* certificate,
                        const std::filesystem::path& key_file, EVP_PKEY* key) {
  const bio_ptr key_text(::BIO_new(::BIO_s_secmem()));
  const bio_ptr certificate_text(::BIO_new(::BIO_s_mem()));
  if (::PEM_write_bio_PrivateKey(key_text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      ::PEM_write_bio_X509(certificate_text.get(), certificate) != 1)
    return crypto_failure("encoding a certificate");
  if (auto wrote = write_new(key_file, key_text.get()); !wrote)
    return wrote;
  auto wrote = write_new(certificate_file, certificate_text.get());
  if (!wrote)
    ::unlink(key_file.c_str());
  return wrote;
}

bio_ptr open_file(const std::filesystem::path& file) {
  return bio_ptr(::BIO_new_file(file.c_str(), "r"));
}

result<certificate_ptr> read_certificate(const std::filesystem::path& file) {
  const auto in = open_file(file);
  certificate_ptr certificate(in ? ::PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)
                                 : nullptr);
  if (certificate)
    return certificate;
  ::ERR_clear_error();
  return failure{errc::not_found, file.string() + " is no certificate that can be read"};
}

result<key_ptr> read_key(const std::filesystem::path& file) {
  // An encrypted key is refused rather than asked for on the terminal.
  const auto no_passphrase = [](char*, int, int, void*) { return -1; };
  const auto in = open_file(file);
  key_ptr key(in ? ::PEM_read_bio_PrivateKey(in.get(), nullptr, no_passphrase, nullptr) : nullptr);
  if (key)
    return key;
  ::ERR_clear_error();
  return failure{errc::not_found, file.string() + " is no private key that can be read"};
}

bool add_extension(X509* certificate, X509* issuer, int name, const char* value) {
  X509V3_CTX context;
  ::X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(::X509V3_EXT_conf_nid(nullptr, &context, name, value));
  return extension && ::X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_random_serial(X509* certificate) {
  const bignum_ptr number(::BN_new());
  return number && ::BN_rand(number.get(), 127, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
         ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(certificate)) != nullptr;
}

bool set_name(X509_NAME* name, std::string_view text) {
  return ::X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
}

/// A certificate with everything but extensions and signature.
certificate_ptr blank_certificate(EVP_PKEY* key, std::string_view name) {
  certificate_ptr certificate(::X509_new());
  if (!certificate || ::X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !set_random_serial(certificate.get()) ||
      ::X509_gmtime_adj(::X509_getm_notBefore(certificate.get()), -clock_skew_seconds) == nullptr ||
      ::X509_gmtime_adj(::X509_getm_notAfter(certificate.get()), ten_years_seconds) == nullptr ||
      ::X509_set_pubkey(certificate.get(), key) != 1 ||
      !set_name(::X509_get_subject_name(certificate.get()), name))
    return nullptr;
  return certificate;
}

bool is_node_name(std::string_view node) {
  constexpr std::string_view letters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !node.empty() && node.size() <= 64 && node != "ca" && node.front() != '.' &&
         node.find_first_not_of(letters) == std::string_view::npos;
}

}  // namespace

result<void> init_authority(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error)
    return failure{errc::unavailable, dir.string() + ": " + error.message()};
  const auto certificate_file = dir / "ca.pem";
  const auto key_file = dir / "ca.key";
  if (std::filesystem::exists(certificate_file) || std::filesystem::exists(key_file))
    return failure{errc::conflict, "there is an authority in " + dir.string() + " already"};
  const key_ptr key(::EVP_EC_gen("P-256"));
  const auto certificate = key ? blank_certificate(key.get(), "orrery cluster") : nullptr;
  auto* const raw = certificate.get();
  if (!raw || ::X509_set_issuer_name(raw, ::X509_get_subject_name(raw)) != 1 ||
      !add_extension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") ||
      !add_extension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign") ||
      !add_extension(raw, raw, NID_subject_key_identifier, "hash") ||
      ::X509_sign(raw, key.get(), ::EVP_sha256()) == 0)
    return crypto_failure("making an authority");
  return write_pair(certificate_file, raw, key_file, key.get());
}

result<node_credentials> issue_node(const std::filesystem::path& dir, std::string_view node) {
  if (!is_node_name(node))
    return failure{errc::invalid, "a node's name is 1 to 64 of a-z A-Z 0-9 . _ -", "node"};
  node_credentials files{.certificate = dir / (std::string(node) + ".pem"),
                         .key = dir / (std::string(node) + ".key"),
                         .authority = dir / "ca.pem"};
  if (std::filesystem::exists(files.certificate) || std::filesystem::exists(files.key))
    return failure{errc::conflict, "the node has a certificate already", "node"};
  auto authority = read_certificate(files.authority);
  auto authority_key = read_key(dir / "ca.key");
  if (!authority || !authority_key)
    return !authority ? std::move(authority).error() : std::move(authority_key).error();
  const key_ptr key(::EVP_EC_gen("P-256"));
  const auto certificate = key ? blank_certificate(key.get(), node) : nullptr;
  auto* const raw = certificate.get();
  auto* const issuer = authority->get();
  const auto names = "DNS:" + std::string(node);
  if (!raw || ::X509_set_issuer_name(raw, ::X509_get_subject_name(issuer)) != 1 ||
      !add_extension(raw, issuer, NID_basic_constraints, "critical,CA:FALSE") ||
      !add_extension(raw, issuer, NID_key_usage, "critical,digitalSignature") ||
      !add_extension(raw, issuer, NID_ext_key_usage, "serverAuth,clientAuth") ||
      !add_extension(raw, issuer, NID_subject_alt_name, names.c_str()) ||
      !add_extension(raw, issuer, NID_subject_key_identifier, "hash") ||
      !add_extension(raw, issuer, NID_authority_key_identifier, "keyid") ||
      ::X509_sign(raw, authority_key->get(), ::EVP_sha256()) == 0)
    return crypto_failure("making a node's certificate");
  if (auto wrote = write_pair(files.certificate, raw, files.key, key.get()); !wrote)
    return std::move(wrote).error();
  return files;
}

result<void> check_credentials(const node_credentials& files) {
  if (files.certificate.empty() || files.key.empty() || files.authority.empty())
    return failure{errc::invalid,
                   "the mesh needs a certificate, its key and the authority's "
                   "certificate: it never opens a port without mutual TLS"};
  auto certificate = read_certificate(files.certificate);
  if (!certificate)
    return std::move(certificate).error();
  auto authority = read_certificate(files.authority);
  if (!authority)
    return std::move(authority).error();
  auto key = read_key(files.key);
  if (!key)
    return std::move(key).error();
  if (::X509_check_private_key(certificate->get(), key->get()) != 1) {
    ::ERR_clear_error();
    return failure{errc::invalid,
                   files.key.string() + " is not the key of " + files.certificate.string()};
  }
  const store_ptr trusted(::X509_STORE_new());
  const store_context_ptr context(::X509_STORE_CTX_new());
  if (!trusted || !context || ::X509_STORE_add_cert(trusted.get(), authority->get()) != 1 ||
      ::X509_STORE_CTX_init(context.get(), trusted.get(), certificate->get(), nullptr) != 1)
    return crypto_failure("checking a certificate");
  if (::X509_verify_cert(context.get()) != 1) {
    const auto* why = ::X509_verify_cert_error_string(::X509_STORE_CTX_get_error(context.get()));
    ::ERR_clear_error();
    return failure{errc::invalid, files.certificate.string() + ": " + why};
  }
  return {};
}

}  // namespace orrery
