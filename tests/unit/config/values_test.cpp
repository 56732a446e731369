#include "config/values.hpp"

#include <catch2/catch.hpp>

#include "config/address.hpp"
#include "config/claim_path.hpp"

namespace lintas::config {

using namespace std::chrono_literals;

TEST_CASE("values: durations and sizes are written in their largest exact unit", "[unit][config]") {
    CHECK(to_text(90s) == "90s");
    CHECK(to_text(120s) == "2m");
    CHECK(to_text(1501ms) == "1501ms");
    CHECK(to_text(0ms) == "0s");
    CHECK(size_to_text(1024) == "1KiB");
    CHECK(size_to_text(1025) == "1025");
    CHECK(size_to_text(3 << 20) == "3MiB");
    CHECK(parse_size("0") == 0);
    CHECK(parse_duration("0s") == 0ms);
    CHECK_FALSE(parse_size("").has_value());
    CHECK_FALSE(parse_size("9007199254740992GiB").has_value());
    CHECK_FALSE(parse_duration("5 s").has_value());
    CHECK_FALSE(parse_duration("5S").has_value());
    CHECK_FALSE(parse_duration("s").has_value());
    CHECK_FALSE(parse_count("+1").has_value());
    CHECK_FALSE(parse_count("0x1").has_value());
}

TEST_CASE("values: UTF-8 is told from other bytes", "[unit][config]") {
    CHECK(is_utf8("aé€😀"));
    const char* const bad = GENERATE("\x80", "\xC0\xAF", "\xE0\x80\x80", "\xED\xA0\x80",
                                     "\xF4\x90\x80\x80", "\xF5", "\xE2\x82", "a\xFF");
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("address: host and port", "[unit][config]") {
    CHECK(parse_host_port("0.0.0.0:8080") == HostPort{"0.0.0.0", 8080});
    CHECK(parse_host_port("[::1]:0") == HostPort{"::1", 0});
    CHECK(parse_host_port("db-1.example:65535") == HostPort{"db-1.example", 65535});
    const char* const bad =
        GENERATE("", ":", ":80", "a", "a:", "a:x", "a:-1", "a:65536", "::1:80", "[::1]", "[x]:1",
                 "[1.2.3.4]:1", "1.2.3:4", "a b:1", "a:1 ", "http://a:1");
    CAPTURE(bad);
    CHECK_FALSE(parse_host_port(bad).has_value());
}

TEST_CASE("claim path: upstream's notation", "[unit][config]") {
    CHECK(parse_claim_path(".role") == ClaimPath{"role"});
    CHECK(parse_claim_path(".a.b_$@.\"c d\"[0][12].é") ==
          ClaimPath{"a", "b_$@", "c d", std::size_t{0}, std::size_t{12}, "é"});
    CHECK(parse_claim_path(".\"\"") == ClaimPath{""});
    const char* const bad = GENERATE(
        "", "role", ".", ".a.", ".a[", ".a[]", ".a[x]", ".a[1", ".a[-1]", "[0]", ".\"a", ".a b",
        ".a-b", ".a\"b\"", "..a", ".a[99999999999999999999]", ".a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a");
    CAPTURE(bad);
    CHECK_FALSE(parse_claim_path(bad).has_value());
}

}  // namespace lintas::config
