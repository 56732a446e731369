#include "position/token.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "support.hpp"

using namespace lintas::position;

namespace {
const Position kPosition{3, Lsn{0x16B374D848}};
constexpr std::uint64_t kSystem = 7'300'000'000'000'000'001;
}  // namespace

TEST_CASE("token: what was given out is taken back", "[unit][position]") {
    for (const std::string key : {"", "a key"}) {
        const TokenCodec codec{key};
        const std::string text = codec.encode(kSystem, kPosition);
        CHECK(text.size() == (key.empty() ? 28 : kTokenLengthMax));
        const auto token = codec.decode(text);
        REQUIRE(std::holds_alternative<Token>(token));
        CHECK(std::get<Token>(token) == Token{kSystem, kPosition, ShownBy::primary, !key.empty()});
    }
}

TEST_CASE("token: every changed character is noticed when there is a key", "[unit][position]") {
    const TokenCodec codec{"a key"};
    const std::string text = codec.encode(kSystem, kPosition);
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string forged = text;
        forged[i] = forged[i] == 'A' ? 'B' : 'A';
        INFO(i);
        CHECK(std::holds_alternative<TokenError>(codec.decode(forged)));
    }
}

TEST_CASE("token: without its signature, or with that of another key, it is refused",
          "[unit][position]") {
    const TokenCodec codec{"a key"};
    const auto refused = [&](const std::string& text) {
        const auto token = codec.decode(text);
        return std::holds_alternative<TokenError>(token) &&
               std::get<TokenError>(token) == TokenError::bad_signature;
    };
    CHECK(refused(TokenCodec{}.encode(kSystem, kPosition)));
    CHECK(refused(TokenCodec{"another"}.encode(kSystem, kPosition)));
    // A daemon without a key cannot check one.
    const auto unchecked = TokenCodec{}.decode(codec.encode(kSystem, kPosition));
    REQUIRE(std::holds_alternative<TokenError>(unchecked));
    CHECK(std::get<TokenError>(unchecked) == TokenError::bad_signature);
}

TEST_CASE("token: what encode() does not make is malformed", "[unit][position]") {
    const TokenCodec codec;
    const std::string good = codec.encode(kSystem, kPosition);
    std::string version = good;
    version[1] = 'w';  // 3: the low bits of the first byte are in it
    const auto bad = GENERATE_COPY(values<std::string>({
        "", "a", "AAAA", good + "=", good + "A", good + "AAAA", good.substr(1), " " + good,
        good.substr(0, 27) + "=", good.substr(0, 27) + "+", good.substr(0, 27) + "/",
        good.substr(0, 27) + std::string(1, '\0'), std::string(44, '-'), std::string(400, 'A'),
        version, codec.encode(kSystem, {0, Lsn{1}}),  // no such timeline
        codec.encode(kSystem, {1, Lsn{0}}),           // no such position
    }));
    INFO(bad);
    const auto token = codec.decode(bad);
    REQUIRE(std::holds_alternative<TokenError>(token));
    CHECK(std::get<TokenError>(token) == TokenError::malformed);
}

TEST_CASE("token: any position survives the way", "[unit][position]") {
    const TokenCodec codec{"k"};
    std::set<std::string> seen;
    for (int bit = 0; bit < 64; ++bit) {
        const Position position{static_cast<Timeline>(1U << (bit % 32)),
                                Lsn{std::uint64_t{1} << bit}};
        const ShownBy shown_by = bit % 2 == 0 ? ShownBy::primary : ShownBy::replica;
        const std::string text = codec.encode(~std::uint64_t{0} >> bit, position, shown_by);
        seen.insert(text);
        const auto token = codec.decode(text);
        REQUIRE(std::holds_alternative<Token>(token));
        CHECK(std::get<Token>(token) == Token{~std::uint64_t{0} >> bit, position, shown_by, true});
    }
    CHECK(seen.size() == 64);
    CHECK_FALSE(describe(TokenError::malformed).empty());
    CHECK_FALSE(describe(TokenError::bad_signature).empty());
}
