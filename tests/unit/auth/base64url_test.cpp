#include "auth/base64url.hpp"

#include <catch2/catch.hpp>

namespace lintas::auth {

TEST_CASE("base64url: RFC 4648's examples, without padding", "[unit][auth]") {
    struct Row {
        std::string bytes;
        std::string text;
    };
    const auto row = GENERATE(values<Row>({
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"\xfb\xff\xbf", "-_-_"},
        {std::string(3, '\0'), "AAAA"},
    }));
    CHECK(base64url_encode(row.bytes) == row.text);
    CHECK(base64url_decode(row.text) == row.bytes);
}

TEST_CASE("base64url: each byte string has one spelling", "[unit][auth]") {
    const char* const bad =
        GENERATE("A", "AAAAA", "Zg=", "Zg==", "Zh", "Zm9", "+/+/", "Zm 9v", "Zm9v\n", "Z.g");
    CAPTURE(bad);
    CHECK_FALSE(base64url_decode(bad).has_value());
}

}  // namespace lintas::auth
