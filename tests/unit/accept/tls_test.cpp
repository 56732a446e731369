#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "accept/server.hpp"
#include "accept/tls.hpp"
#include "loopback.hpp"

using namespace lintas;
using namespace lintas::accept::loopback;
using accept::make_server_context;
using accept::ServerLimits;

namespace {

template <class T, void (*Free)(T*)>
struct Freed {
    void operator()(T* object) const { Free(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

/// A self-signed certificate for `name` and its key, as files that go with it.
class CertificateFiles {
 public:
    explicit CertificateFiles(const char* name) {
        char folder[] = "/tmp/lintas-tls-XXXXXX";
        REQUIRE(::mkdtemp(folder) != nullptr);
        folder_ = folder;
        const Key key{::EVP_EC_gen("P-256")};
        const Certificate made{::X509_new()};
        ::X509_set_version(made.get(), 2);
        ::ASN1_INTEGER_set(::X509_get_serialNumber(made.get()), 1);
        ::X509_gmtime_adj(::X509_getm_notBefore(made.get()), -60);
        ::X509_gmtime_adj(::X509_getm_notAfter(made.get()), 3600);
        X509_NAME* const subject = ::X509_get_subject_name(made.get());
        ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                     reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
        ::X509_set_issuer_name(made.get(), subject);
        ::X509_set_pubkey(made.get(), key.get());
        REQUIRE(::X509_sign(made.get(), key.get(), ::EVP_sha256()) > 0);
        std::FILE* file = std::fopen(cert().c_str(), "w");
        ::PEM_write_X509(file, made.get());
        std::fclose(file);
        file = std::fopen(this->key().c_str(), "w");
        ::PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        std::fclose(file);
    }
    ~CertificateFiles() {
        std::remove(cert().c_str());
        std::remove(key().c_str());
        ::rmdir(folder_.c_str());
    }
    CertificateFiles(const CertificateFiles&) = delete;
    CertificateFiles& operator=(const CertificateFiles&) = delete;

    std::string cert() const { return folder_ + "/cert.pem"; }
    std::string key() const { return folder_ + "/key.pem"; }

 private:
    std::string folder_;
};

class TlsClient {
 public:
    explicit TlsClient(std::uint16_t port, int version = 0, bool only_h2 = false)
        : socket_{port}, context_{::SSL_CTX_new(::TLS_client_method())}, ssl_{nullptr} {
        if (version != 0) {
            ::SSL_CTX_set_security_level(context_.get(), 0);  // or OpenSSL would not offer 1.1
            ::SSL_CTX_set_min_proto_version(context_.get(), version);
            ::SSL_CTX_set_max_proto_version(context_.get(), version);
        }
        ssl_.reset(::SSL_new(context_.get()));
        const std::string offer = only_h2 ? "\x02h2" : "\x02h2\x08http/1.1";
        ::SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>(offer.data()),
                              static_cast<unsigned int>(offer.size()));
        ::SSL_set_fd(ssl_.get(), socket_.fd());
        shaken_ = ::SSL_connect(ssl_.get()) == 1;
        ::ERR_clear_error();
    }

    bool shaken() const { return shaken_; }
    std::string protocol() const {
        const unsigned char* name = nullptr;
        unsigned int size = 0;
        ::SSL_get0_alpn_selected(ssl_.get(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    std::string peer_name() const {
        const Certificate peer{::SSL_get1_peer_certificate(ssl_.get())};
        char name[100] = "";
        ::X509_NAME_get_text_by_NID(::X509_get_subject_name(peer.get()), NID_commonName, name,
                                    sizeof name);
        return name;
    }
    bool send(std::string_view bytes) {
        return ::SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) > 0;
    }
    /// Until `end` has come, or nothing more does.
    std::string receive(std::string_view end) {
        std::string got;
        char bytes[16384];
        while (!got.ends_with(end)) {
            const int n = ::SSL_read(ssl_.get(), bytes, sizeof bytes);
            if (n <= 0) break;
            got.append(bytes, static_cast<std::size_t>(n));
        }
        return got;
    }
    /// The server said that it closes: nothing was cut off.
    bool closed() {
        char byte = 0;
        const int n = ::SSL_read(ssl_.get(), &byte, 1);
        return n <= 0 && ::SSL_get_error(ssl_.get(), n) == SSL_ERROR_ZERO_RETURN;
    }

 private:
    Client socket_;
    std::unique_ptr<SSL_CTX, Freed<SSL_CTX, SSL_CTX_free>> context_;
    std::unique_ptr<SSL, Freed<SSL, SSL_free>> ssl_;
    bool shaken_ = false;
};

std::shared_ptr<accept::TlsContext> context_of(const CertificateFiles& files) {
    auto made = make_server_context(files.cert(), files.key());
    REQUIRE(made);
    return *made;
}

}  // namespace

TEST_CASE("tls: requests, pipelined too, go over TLS 1.2 and 1.3", "[loopback][accept]") {
    const CertificateFiles files{"one.example"};
    RunningServer running{{}, context_of(files)};
    const int version = GENERATE(TLS1_2_VERSION, TLS1_3_VERSION);
    TlsClient client{running.port(), version};
    REQUIRE(client.shaken());
    CHECK(client.protocol() == "http/1.1");
    CHECK(client.peer_name() == "one.example");
    REQUIRE(client.send(get("/1") + get("/2")));
    CHECK(has(client.receive("GET/2"), "GET/1"));
    REQUIRE(client.send(get("/3", "Connection: close\r\n")));
    CHECK(has(client.receive("GET/3"), "Connection: close\r\n"));
    CHECK(client.closed());
}

TEST_CASE("tls: a large body and a large answer pass whole", "[loopback][accept]") {
    const CertificateFiles files{"one.example"};
    RunningServer running{{}, context_of(files)};
    TlsClient client{running.port()};
    REQUIRE(client.shaken());
    const std::string body(2'000'000, 'b');
    REQUIRE(client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n"));
    REQUIRE(client.send(body));
    CHECK(has(client.receive("POST/echo" + body), "200 OK"));
    REQUIRE(client.send(get("/big", "Connection: close\r\n")));
    CHECK(client.receive("never").size() > 20'000'000);
}

TEST_CASE("tls: TLS 1.1, other protocols and plain HTTP are refused", "[loopback][accept]") {
    const CertificateFiles files{"one.example"};
    RunningServer running{{}, context_of(files)};
    CHECK_FALSE(TlsClient(running.port(), TLS1_1_VERSION).shaken());
    CHECK_FALSE(TlsClient(running.port(), 0, true).shaken());
    Client plain{running.port()};
    plain.send(get("/echo"));
    CHECK(plain.ended());
    CHECK(TlsClient(running.port()).shaken());
}

TEST_CASE("tls: a half-open handshake is given up", "[loopback][accept]") {
    const CertificateFiles files{"one.example"};
    ServerLimits limits;
    limits.tick = 10ms;
    limits.header_timeout = 100ms;
    RunningServer running{limits, context_of(files)};
    Client silent{running.port()};
    Client half{running.port()};
    half.send("\x16\x03\x01");
    CHECK(silent.ended());
    CHECK(half.ended());
}

TEST_CASE("tls: slow headers, idling and a gone client end as they do without TLS",
          "[loopback][accept]") {
    const CertificateFiles files{"one.example"};
    ServerLimits limits;
    limits.tick = 10ms;
    limits.header_timeout = 500ms;  // room for a handshake on a busy machine
    limits.idle_timeout = 500ms;
    RunningServer running{limits, context_of(files)};
    TlsClient slow{running.port()};
    REQUIRE(slow.send("GET /"));
    CHECK(starts(slow.receive("time"), "HTTP/1.1 408 "));
    TlsClient idle{running.port()};
    REQUIRE(idle.shaken());
    CHECK(idle.receive("x").empty());
    {
        TlsClient gone{running.port()};
        REQUIRE(gone.send(get("/wait")));
        REQUIRE(running.handler().wait_started(1));
    }
    CHECK(running.handler().wait_cancelled(1));
}

TEST_CASE("tls: a new certificate serves new connections and leaves the old ones",
          "[loopback][accept]") {
    const CertificateFiles first{"one.example"};
    const CertificateFiles second{"two.example"};
    RunningServer running{{}, context_of(first)};
    TlsClient old{running.port()};
    REQUIRE(old.shaken());
    const auto renewed = context_of(second);
    running.on_loop([&] { running.server().set_tls(renewed); });
    TlsClient fresh{running.port()};
    CHECK(fresh.peer_name() == "two.example");
    REQUIRE(old.send(get("/still")));
    CHECK(has(old.receive("GET/still"), "200 OK"));
}

TEST_CASE("tls: files that do not fit are named", "[unit][accept]") {
    const CertificateFiles one{"one.example"};
    const CertificateFiles two{"two.example"};
    const auto message = [](const std::string& cert, const std::string& key) {
        const auto made = make_server_context(cert, key);
        return made ? std::string{} : made.error().message;
    };
    CHECK(message(one.cert(), one.key()).empty());
    CHECK(starts(message("/nowhere/cert.pem", one.key()), "/nowhere/cert.pem: "));
    CHECK(starts(message(one.cert(), "/nowhere/key.pem"), "/nowhere/key.pem: "));
    CHECK(starts(message(one.key(), one.key()), one.key() + ": "));
    CHECK(starts(message(one.cert(), two.key()), two.key() + ": "));
}
