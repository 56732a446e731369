#include "accept/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <string_view>

namespace lintas::accept {

namespace {

/// Empties OpenSSL's queue: what stays in it would be blamed on the next operation of this thread.
std::string openssl_reason() {
    std::array<char, 256> text{};
    const unsigned long code = ::ERR_get_error();
    ::ERR_clear_error();
    if (code == 0) return "unreadable";
    ::ERR_error_string_n(code, text.data(), text.size());
    return text.data();
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
    static constexpr std::string_view kOurs = "\x08http/1.1";
    unsigned char* found = nullptr;
    const int result = ::SSL_select_next_proto(
        &found, chosen_size, reinterpret_cast<const unsigned char*>(kOurs.data()),
        static_cast<unsigned int>(kOurs.size()), offered, offered_size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/// A key that asks for a passphrase would wait on the terminal.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_server_context(const std::string& cert_file,
                                                        const std::string& key_file) {
    const auto problem = [](const std::string& file, const std::string& reason) {
        return fail(Errc::internal, file + ": " + reason);
    };
    auto made = std::make_shared<TlsContext>();
    SSL_CTX* const context = made->asio().native_handle();
    ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                       SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_IGNORE_UNEXPECTED_EOF);
    // An idle connection gives its record buffers back.
    ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    ::SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");  // 1.2; 1.3 has its own
    ::SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    ::SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    static constexpr std::string_view kSessionId = "lintas";
    ::SSL_CTX_set_session_id_context(context,
                                     reinterpret_cast<const unsigned char*>(kSessionId.data()),
                                     static_cast<unsigned int>(kSessionId.size()));
    ::ERR_clear_error();
    if (::SSL_CTX_use_certificate_chain_file(context, cert_file.c_str()) != 1)
        return problem(cert_file, openssl_reason());
    if (::SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
        return problem(key_file, openssl_reason());
    if (::SSL_CTX_check_private_key(context) != 1)
        return problem(key_file, "is not the key of the certificate in " + cert_file);
    return made;
}

}  // namespace lintas::accept
