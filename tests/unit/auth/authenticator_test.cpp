#include "auth/authenticator.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "support.hpp"

namespace lintas::auth {

namespace {

struct TempFile {
    explicit TempFile(const std::string& text) {
        const int file = ::mkstemp(path);
        REQUIRE(file >= 0);
        ::close(file);
        std::ofstream{path} << text;
    }
    TempFile(const TempFile&) = delete;
    TempFile& operator=(const TempFile&) = delete;
    ~TempFile() { ::unlink(path); }
    char path[30] = "/tmp/lintas-auth-XXXXXX";
};

config::Jwt jwks_config(const TempFile& file) {
    config::Jwt jwt;
    jwt.jwks = file.path;
    return jwt;
}

}  // namespace

TEST_CASE("authenticator: without a token", "[unit][auth]") {
    const Result<Identity> anon = Asking{}.nothing();
    REQUIRE(anon.has_value());
    CHECK(anon->role == "anon");
    CHECK(anon->anonymous);
    CHECK(anon->claims_json == R"({"role":"anon"})");

    CHECK(outcome(Asking{secret_config(), ""}.nothing()) ==
          "PGRST302|Anonymous access is disabled");

    const Result<Identity> own = Asking{config::Jwt{}, ""}.nothing();
    REQUIRE(own.has_value());
    CHECK(own->role.empty());
    CHECK(own->anonymous);
    CHECK(own->claims_json == "{}");
}

TEST_CASE("authenticator: only a Bearer header carries a token", "[unit][auth]") {
    const Asking asking;
    const std::string token = hs_token(R"({"role":"author"})");
    struct Row {
        std::string header;
        std::string says;
    };
    const std::vector<Row> rows{
        {"Bearer " + token, "author"},
        {"bearer " + token, "author"},
        {"BEARER \t  " + token, "author"},
        {"Basic dTpw", "anon"},
        {"Bearerx " + token, "anon"},
        {token, "anon"},
        {"", "anon"},
        {"Bearer", "PGRST301|Empty JWT is sent in Authorization header"},
        {"Bearer  ", "PGRST301|Empty JWT is sent in Authorization header"},
        {"Bearer x", "PGRST301|Expected 3 parts in JWT; got 1"},
        {"Bearer " + token + " x", "PGRST301|JWT cryptographic operation failed"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.header);
        CHECK(outcome(asking.header(row.header)) == row.says);
    }
}

TEST_CASE("authenticator: a token without a key to check it is the server's fault",
          "[unit][auth]") {
    const std::string anon_role = GENERATE("", "anon");
    const Asking asking{config::Jwt{}, anon_role};
    CHECK(outcome(asking.token(hs_token("{}"))) == "PGRST300|Server lacks JWT secret");
    CHECK(outcome(asking.header("Bearer")) == "PGRST300|Server lacks JWT secret");
    CHECK(outcome(asking.header("Basic x")) == anon_role);
}

TEST_CASE("authenticator: the claims reach the database with the role filled in", "[unit][auth]") {
    config::Jwt jwt = secret_config();
    jwt.role_claim = ".realm.roles[0]";
    const Asking asking{jwt};
    const Result<Identity> identity =
        asking.token(hs_token(R"({"realm":{"roles":["author"]},"id":12345678901234567890.0})"));
    REQUIRE(identity.has_value());
    CHECK(identity->role == "author");
    CHECK_FALSE(identity->anonymous);
    CHECK(identity->claims_json ==
          R"({"role":"author","realm":{"roles":["author"]},"id":12345678901234567890.0})");
}

TEST_CASE("authenticator: a base64 secret is its bytes", "[unit][auth]") {
    config::Jwt jwt;
    jwt.secret_is_base64 = true;
    jwt.secret = base64url_encode(kSecret) + "=";
    CHECK(outcome(Asking{jwt}.token(hs_token(R"({"role":"a"})"))) == "a");
}

TEST_CASE("authenticator: keys come from a file", "[unit][auth]") {
    const KeyPair pair = KeyPair::ec("P-384");
    const TempFile file{R"({"keys":[)" + pair.jwk(R"("kid":"k",)") + "]}"};
    const Asking asking{jwks_config(file)};
    const std::string token =
        pair.token(R"({"alg":"ES384","kid":"k"})", R"({"role":"a"})", "SHA384");
    CHECK(outcome(asking.token(token)) == "a");
    CHECK(outcome(asking.token(hs_token("{}"))) == "PGRST301|No suitable key or wrong key type");
}

TEST_CASE("authenticator: what cannot be configured says why and shows no key", "[unit][auth]") {
    const auto error = [](const config::Jwt& jwt) {
        const Result<Authenticator> made = Authenticator::make(jwt, "anon");
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code == Errc::jwt_not_configured);
        return made.error().message;
    };
    config::Jwt jwt;
    jwt.secret = "short";
    CHECK(error(jwt) == "api.jwt.secret: is shorter than 32 bytes");
    jwt.secret = "not base64!";
    jwt.secret_is_base64 = true;
    CHECK(error(jwt) == "api.jwt.secret: is not base64");
    jwt = {};
    jwt.jwks = "/nonexistent/jwks.json";
    CHECK(error(jwt) ==
          "api.jwt.jwks: /nonexistent/jwks.json: cannot be read: No such file or directory");
    const TempFile file{R"({"kty":"oct","k":"c2VjcmV0"})"};
    CHECK(error(jwks_config(file)) ==
          "api.jwt.jwks: " + std::string{file.path} + ": key 1: k is shorter than 32 bytes");
    jwt = secret_config();
    jwt.role_claim = "role";
    CHECK(error(jwt) == "api.jwt.role_claim: is not a path");
}

TEST_CASE("authenticator: a remembered token is still judged by the clock", "[unit][auth]") {
    const Asking asking;
    const std::string token = hs_token(R"({"role":"a","nbf":1000,"exp":2000})");
    CHECK(outcome(asking.token(token, 900)) == "PGRST303|JWT not yet valid");
    CHECK(asking.authenticator.cached() == 1);
    CHECK(outcome(asking.token(token, 1500)) == "a");
    CHECK(asking.token(token, 1500)->claims_json == R"({"role":"a","nbf":1000,"exp":2000})");
    CHECK(outcome(asking.token(token, 2031)) == "PGRST303|JWT expired");
    CHECK(asking.authenticator.cached() == 1);
}

TEST_CASE("authenticator: a token with a bad signature is never remembered", "[unit][auth]") {
    const Asking asking;
    std::string token = hs_token(R"({"role":"a"})");
    token.back() = token.back() == 'A' ? 'E' : 'A';
    CHECK_FALSE(asking.token(token).has_value());
    CHECK_FALSE(asking.token("x.y.z").has_value());
    CHECK_FALSE(asking.token(hs_token("[]")).has_value());
    CHECK(asking.authenticator.cached() == 0);
}

TEST_CASE("authenticator: clones share keys and not the cache", "[unit][auth]") {
    const Asking asking;
    const std::string token = hs_token(R"({"role":"a"})");
    REQUIRE(asking.token(token).has_value());
    const Authenticator other = asking.authenticator.clone();
    CHECK(other.cached() == 0);
    const std::string value = "Bearer " + token;
    const HeaderView headers[] = {{"Authorization", value}};
    RawRequest raw{};
    raw.headers = headers;
    CHECK(outcome(other.identify(raw, 0)) == "a");
    CHECK(other.cached() == 1);
    CHECK(asking.authenticator.cached() == 1);
}

TEST_CASE("token cache: bounded in entries, and what is used stays", "[unit][auth]") {
    TokenCache cache{3, 1 << 20};
    const auto claims = [] { return Claims::read("{}", {{"role"}, "", "anon"}); };
    cache.insert("a", claims());
    cache.insert("b", claims());
    cache.insert("c", claims());
    cache.insert("c", claims());
    CHECK(cache.size() == 3);
    for (const char* token : {"d", "e", "f", "g"}) {
        CHECK(cache.find("b") != nullptr);
        cache.insert(token, claims());
        CHECK(cache.size() == 3);
        CHECK(cache.find(token) != nullptr);
    }
    CHECK(cache.find("b") != nullptr);
    CHECK(cache.find("a") == nullptr);
}

TEST_CASE("token cache: bounded in bytes", "[unit][auth]") {
    TokenCache cache{1000, 20'000};
    for (int i = 0; i < 100; ++i) {
        cache.insert(std::string(4000, 'x') + std::to_string(i),
                     Claims::read("{}", {{"role"}, "", "anon"}));
        CHECK(cache.bytes() <= 20'000);
    }
    CHECK(cache.size() >= 3);
    CHECK(cache.size() <= 5);
    cache.insert(std::string(30'000, 'y'), Claims::read("{}", {{"role"}, "", "anon"}));
    CHECK(cache.find(std::string(30'000, 'y')) == nullptr);
}

}  // namespace lintas::auth
