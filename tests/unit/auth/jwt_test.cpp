#include "auth/jwt.hpp"

#include "support.hpp"

namespace lintas::auth {

namespace {

constexpr const char* kClaims = R"({"role":"author"})";

std::vector<Key> keys(const std::string& jwks) {
    Result<std::vector<Key>> result = keys_from_jwks(jwks);
    INFO((result ? std::string{} : result.error().message));
    REQUIRE(result.has_value());
    return std::move(*result);
}

std::vector<Key> secret_key(std::string secret = kSecret) {
    std::vector<Key> out;
    out.push_back(Key::from_secret(std::move(secret)));
    return out;
}

std::string says(const Result<std::string>& result) {
    if (result) return *result;
    const Error& e = result.error();
    return e.message + (e.details.empty() ? "" : " / " + e.details);
}

// RSA keys take a while to make; these are shared by the tests.
const KeyPair& rsa_pair() {
    static const KeyPair pair = KeyPair::rsa(2048);
    return pair;
}

const char* const kNone =
    "No suitable key or wrong key type / None of the keys was able to decode the JWT";
const char* const kNotFound =
    "No suitable key or wrong key type / No suitable key was found to decode the JWT";

}  // namespace

TEST_CASE("jwt: the signed examples of RFC 7515's appendix are good", "[unit][auth]") {
    const std::string payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ";
    const std::string claims =
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    struct Row {
        const char* name;
        std::string jwk;
        std::string token;
        std::string says;
    };
    const std::vector<Row> rows{
        {"A.1",
         R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
         "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." + payload +
             ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
         claims},
        {"A.2",
         R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})",
         "eyJhbGciOiJSUzI1NiJ9." + payload +
             ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_"
             "lF5YKt_O"
             "8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_"
             "nZLgrnbyTyWzO75vRK5h6xBArLIARNPv"
             "kSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-"
             "eOkHWEsqtFZESc6BfI7noOPqvhJ1phC"
             "nvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
         claims},
        {"A.3",
         R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
         "eyJhbGciOiJFUzI1NiJ9." + payload +
             ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-"
             "Kg6NU1Q",
         claims},
        // Signed is "Payload", which is no JSON: the signature passes, the claims do not.
        {"A.4",
         R"({"kty":"EC","crv":"P-521","x":"AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk","y":"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2"})",
         "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPW"
         "ROc-mZZqwqT2SI-KGDKB34XO0aw_"
         "7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8v"
         "cnwNrmxYbSW9ERBXukOXolLzeO_Jn",
         "Parsing claims failed"},
        {"A.5",
         R"({"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"})",
         "eyJhbGciOiJub25lIn0." + payload + ".",
         "Wrong or unsupported encoding algorithm / JWT is unsecured but expected 'alg' was not "
         "'none'"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.name);
        CHECK(says(verified_claims(row.token, keys(row.jwk))) == row.says);
    }
}

TEST_CASE("jwt: every algorithm verifies what it signed", "[unit][auth]") {
    struct Row {
        const char* algorithm;
        const char* digest;
        bool pss;
    };
    const auto header = [](const char* a) { return std::string{R"({"alg":")"} + a + "\"}"; };
    for (const Row& r :
         {Row{"HS256", "SHA256", false}, {"HS384", "SHA384", false}, {"HS512", "SHA512", false}}) {
        CAPTURE(r.algorithm);
        CHECK(says(verified_claims(hs_token(kClaims, header(r.algorithm), kSecret, r.digest),
                                   secret_key())) == kClaims);
    }
    for (const Row& r : {Row{"RS256", "SHA256", false},
                         {"RS384", "SHA384", false},
                         {"RS512", "SHA512", false},
                         {"PS256", "SHA256", true},
                         {"PS384", "SHA384", true},
                         {"PS512", "SHA512", true}}) {
        CAPTURE(r.algorithm);
        const std::vector<Key> ring = keys(rsa_pair().jwk());
        CHECK(says(verified_claims(rsa_pair().token(header(r.algorithm), kClaims, r.digest, r.pss),
                                   ring)) == kClaims);
        // PKCS #1 where PSS was promised, and the other way round.
        CHECK(says(verified_claims(rsa_pair().token(header(r.algorithm), kClaims, r.digest, !r.pss),
                                   ring)) == kNone);
    }
    const Row curves[] = {
        {"ES256", "SHA256", false}, {"ES384", "SHA384", false}, {"ES512", "SHA512", false}};
    for (const Row& r : curves) {
        CAPTURE(r.algorithm);
        const std::string_view name{r.algorithm};
        const KeyPair pair = KeyPair::ec(name == "ES256"   ? "P-256"
                                         : name == "ES384" ? "P-384"
                                                           : "P-521");
        const std::vector<Key> ring = keys(pair.jwk());
        CHECK(says(verified_claims(pair.token(header(r.algorithm), kClaims, r.digest), ring)) ==
              kClaims);
        for (const Row& other : curves) {
            if (name == other.algorithm) continue;
            CHECK(says(verified_claims(pair.token(header(other.algorithm), kClaims, other.digest),
                                       ring)) == kNotFound);
        }
    }
}

TEST_CASE("jwt: a token with any one byte changed is refused", "[unit][auth]") {
    const KeyPair ec = KeyPair::ec("P-256");
    struct Row {
        std::string token;
        std::vector<Key> ring;
    };
    const std::vector<Row> rows{
        {hs_token(kClaims), secret_key()},
        {ec.token(R"({"alg":"ES256"})", kClaims, "SHA256"), keys(ec.jwk())}};
    for (const Row& row : rows) {
        REQUIRE(verified_claims(row.token, row.ring).has_value());
        for (std::size_t i = 0; i < row.token.size(); ++i) {
            for (int bit = 0; bit < 8; ++bit) {
                std::string changed = row.token;
                changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
                if (verified_claims(changed, row.ring)) FAIL("byte " << i << " bit " << bit);
            }
            if (verified_claims(row.token.substr(0, i), row.ring)) FAIL("cut at " << i);
        }
        CHECK_FALSE(verified_claims(row.token + "A", row.ring).has_value());
        CHECK_FALSE(verified_claims(row.token + "=", row.ring).has_value());
    }
}

TEST_CASE("jwt: an RSA signature with any one byte changed is refused", "[unit][auth]") {
    const std::string token = rsa_pair().token(R"({"alg":"RS256"})", kClaims, "SHA256");
    const std::vector<Key> ring = keys(rsa_pair().jwk());
    for (std::size_t i = 0; i < token.size(); ++i) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        if (changed != token && verified_claims(changed, ring)) FAIL("byte " << i);
    }
}

TEST_CASE("jwt: the key decides on the algorithm, not the token", "[unit][auth]") {
    const std::string rsa_jwk = rsa_pair().jwk();
    // The public key's text or its modulus used as an HMAC secret.
    const std::string n = *base64url_decode(rsa_jwk.substr(rsa_jwk.find("\"n\":\"") + 5, 342));
    for (const std::string& secret : {rsa_jwk, n}) {
        CHECK(says(verified_claims(hs_token(kClaims, R"({"alg":"HS256"})", secret),
                                   keys(rsa_jwk))) == kNotFound);
    }
    CHECK(says(verified_claims(rsa_pair().token(R"({"alg":"RS256"})", kClaims, "SHA256"),
                               secret_key())) == kNotFound);
    // A JWK's own alg pins it further.
    const std::vector<Key> pinned = keys(rsa_pair().jwk(R"("alg":"PS256",)"));
    CHECK(says(verified_claims(rsa_pair().token(R"({"alg":"RS256"})", kClaims, "SHA256"),
                               pinned)) == kNotFound);
    CHECK(verified_claims(rsa_pair().token(R"({"alg":"PS256"})", kClaims, "SHA256", true), pinned)
              .has_value());
}

TEST_CASE("jwt: a token that names a key is checked with that key only", "[unit][auth]") {
    const std::string k1 = base64url_encode(std::string(32, 'a'));
    const std::string k2 = base64url_encode(std::string(32, 'b'));
    const std::vector<Key> ring = keys(R"({"keys":[{"kty":"oct","kid":"one","k":")" + k1 +
                                       R"("},{"kty":"oct","kid":"two","k":")" + k2 + R"("}]})");
    const auto token = [&](const std::string& kid, char secret) {
        return hs_token(kClaims, R"({"alg":"HS256")" + kid + "}", std::string(32, secret));
    };
    CHECK(says(verified_claims(token(R"(,"kid":"one")", 'a'), ring)) == kClaims);
    CHECK(says(verified_claims(token(R"(,"kid":"two")", 'b'), ring)) == kClaims);
    CHECK(says(verified_claims(token("", 'b'), ring)) == kClaims);
    CHECK(says(verified_claims(token(R"(,"kid":"two")", 'a'), ring)) == kNone);
    CHECK(says(verified_claims(token(R"(,"kid":"three")", 'a'), ring)) == kNotFound);
    CHECK(says(verified_claims(token(R"(,"kid":7)", 'a'), ring)) ==
          "JWT couldn't be decoded / 'kid' is not a string");
    CHECK(says(verified_claims(token("", 'c'), ring)) == kNone);
    // A JWK without a name is not the one that was named; a plain secret has no name to compare.
    CHECK(says(verified_claims(token(R"(,"kid":"one")", 'a'),
                               keys(R"({"kty":"oct","k":")" + k1 + "\"}"))) == kNotFound);
    CHECK(says(verified_claims(token(R"(,"kid":"one")", 'a'), secret_key(std::string(32, 'a')))) ==
          kClaims);
}

TEST_CASE("jwt: what is not a token says what it is not", "[unit][auth]") {
    struct Row {
        std::string token;
        std::string says;
    };
    const std::string part = base64url_encode(R"({"alg":"HS256"})");
    const std::string bad_coding = "JWT cryptographic operation failed / ";
    const std::string bad_header = "JWT couldn't be decoded / The header is not a JSON object";
    const std::vector<Row> rows{
        {"", "Empty JWT is sent in Authorization header"},
        {"abc", "Expected 3 parts in JWT; got 1"},
        {"a.b", "Expected 3 parts in JWT; got 2"},
        {"a.b.c.d.e", "Expected 3 parts in JWT; got 5"},
        {"..", bad_header},
        {"a.b.c", bad_coding + "The header is not base64url"},
        {part + ".e30.!", bad_coding + "The signature is not base64url"},
        {hs_token(kClaims, "nonsense"), bad_header},
        {hs_token(kClaims, "[]"), bad_header},
        {hs_token(kClaims, R"({"alg":"HS256","alg":"HS256"})"), bad_header},
        {hs_token(kClaims, R"({"alg":"HS256","\u0061lg":"none"})"), bad_header},
        {hs_token(kClaims, R"({"alg":"HS256"} )" + std::string("x")), bad_header},
        {hs_token(kClaims, R"({"typ":"JWT"})"), "Wrong or unsupported encoding algorithm"},
        {hs_token(kClaims, R"({"alg":5})"), "Wrong or unsupported encoding algorithm"},
        {hs_token(kClaims, R"({"alg":"hs256"})"), "Wrong or unsupported encoding algorithm"},
        {hs_token(kClaims, R"({"alg":"None"})"), "Wrong or unsupported encoding algorithm"},
        {hs_token(kClaims, R"({"alg":"EdDSA"})"), "Wrong or unsupported encoding algorithm"},
        {hs_token(kClaims, R"({"alg":"HS256","crit":["exp"]})"),
         "JWT couldn't be decoded / Critical extensions are not supported"},
        {hs_token(kClaims, R"({"alg":"HS256","crit":[]})"),
         "JWT couldn't be decoded / Critical extensions are not supported"},
        {hs_token(kClaims, R"({"alg":"HS256","enc":"A128GCM"})"), "Unsupported token type"},
        {hs_token(kClaims, R"({"alg":"HS384"})"), kNone},  // signed with SHA-256
        {part + ".e30.", kNone},
        {std::string(kTokenBytesMax + 1, 'a'), "JWT is longer than 8192 bytes"},
        {hs_token("[]"), "Parsing claims failed"},
        {hs_token("7"), "Parsing claims failed"},
        {hs_token(""), "Parsing claims failed"},
        {hs_token("{} {}"), "Parsing claims failed"},
        {hs_token("{\"a\":\"\xff\"}"), "Parsing claims failed"},
        {hs_token(R"({"role":"a","role":"b"})"),
         "Parsing claims failed / A name stands twice in one object"},
        {hs_token(R"({"role":"a","r\u006fle":"b"})"),
         "Parsing claims failed / A name stands twice in one object"},
        {hs_token(R"({"x":[{"a":{"b":1,"b":2}}]})"),
         "Parsing claims failed / A name stands twice in one object"},
        {hs_token("{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}"),
         "{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}"},
        {hs_token("{\"a\":" + std::string(32, '[') + std::string(32, ']') + "}"),
         "Parsing claims failed"},
        {hs_token("{\"a\":" + std::string(5000, '[')), "Parsing claims failed"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.token);
        CHECK(says(verified_claims(row.token, secret_key())) == row.says);
    }
}

TEST_CASE("jwt: without keys nothing is good", "[unit][auth]") {
    CHECK(says(verified_claims(hs_token(kClaims), {})) == kNotFound);
}

TEST_CASE("jwk: a key that cannot be trusted is named, not used", "[unit][auth]") {
    const std::string good = base64url_encode(std::string(32, 'a'));
    const KeyPair ec = KeyPair::ec("P-256");
    const std::string x = ec.jwk().substr(ec.jwk().find("\"x\":\"") + 5, 43);
    static const KeyPair small = KeyPair::rsa(1024);
    struct Row {
        std::string jwks;
        std::string says;
    };
    const std::vector<Row> rows{
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{}", "key 1: kty is missing"},
        {R"({"keys":{}})", "keys is not an array"},
        {R"({"keys":[]})", "no key that could verify a token"},
        {R"({"keys":[1]})", "key 1: not an object"},
        {R"({"kty":"oct","kty":"oct"})", "a name stands twice in one object"},
        {R"({"kty":"oct"})", "key 1: k is missing or not base64url"},
        {R"({"kty":"oct","k":"=="})", "key 1: k is missing or not base64url"},
        {R"({"kty":"oct","k":"c2hvcnQ"})", "key 1: k is shorter than 32 bytes"},
        {R"({"kty":"oct","alg":"RS256","k":")" + good + "\"}", "key 1: alg does not fit kty"},
        {R"({"keys":[{"kty":"oct","k":")" + good + R"("},{"kty":"RSA","n":"AQAB"}]})",
         "key 2: n or e is missing or not base64url"},
        {R"({"kty":"RSA","n":"AQAB","e":"AQAB"})", "key 1: not a valid RSA public key"},
        {R"({"kty":"RSA","n":")" + base64url_encode(std::string(2000, 'a')) + R"(","e":"AQAB"})",
         "key 1: more than 8192 bits"},
        {R"({"kty":"EC","crv":"P-256","x":"AQAB","y":"AQAB"})",
         "key 1: x or y has the wrong length"},
        {R"({"kty":"EC","x":"AQAB","y":"AQAB"})", "key 1: crv, x or y is missing or not base64url"},
        {R"({"kty":"EC","crv":"P-256","x":")" + x + R"(","y":")" + x + "\"}",
         "key 1: not a point on its curve"},
        // Not for signatures, or not known: passed over, and nothing is left.
        {R"({"kty":"OKP","crv":"Ed25519","x":"AQAB"})", "no key that could verify a token"},
        {R"({"kty":"EC","crv":"secp256k1","x":"AQAB","y":"AQAB"})",
         "no key that could verify a token"},
        {R"({"kty":"oct","use":"enc","k":")" + good + "\"}", "no key that could verify a token"},
        {R"({"kty":"oct","key_ops":["encrypt"],"k":")" + good + "\"}",
         "no key that could verify a token"},
        {R"({"kty":"oct","alg":"A256GCM","k":")" + good + "\"}",
         "no key that could verify a token"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.jwks);
        const Result<std::vector<Key>> result = keys_from_jwks(row.jwks);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().message == row.says);
        CHECK(result.error().code == Errc::jwt_not_configured);
    }
}

TEST_CASE("jwk: keys for other purposes do not disturb the good one", "[unit][auth]") {
    const std::string good = base64url_encode(kSecret);
    const std::vector<Key> ring = keys(
        R"({"keys":[{"kty":"OKP","x":"?"},{"kty":"oct","use":"enc","k":"?"},{"kty":"oct","use":"sig","key_ops":["verify"],"alg":"HS256","k":")" +
        good + R"("}]})");
    CHECK(ring.size() == 1);
    CHECK(says(verified_claims(hs_token(kClaims), ring)) == kClaims);
}

}  // namespace lintas::auth
