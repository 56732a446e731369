#include "route/requirement.hpp"

#include <catch2/catch.hpp>

using namespace lintas;
using namespace lintas::route;
using position::History;
using position::Lineage;
using position::Lsn;
using position::Position;
using position::TokenCodec;

namespace {

constexpr std::uint64_t kSystem = 7000;

struct Case {
    parse::Request request{};
    config::Consistency consistency{};
    TokenCodec codec{"0123456789abcdef"};
    Lineage lineage{kSystem, History{2, {{1, Lsn{1000}}}}};
    Lsn written{5000};

    Result<Asked> asked() const {
        return requirement_of({.request = request,
                               .consistency = consistency,
                               .codec = codec,
                               .lineage = lineage,
                               .written = written,
                               .asked = Clock::time_point{}});
    }
    void carry(Position position, std::uint64_t system = kSystem) {
        request.lintas.positions.push_back(codec.encode(system, position));
    }
};

}  // namespace

TEST_CASE("requirement: who asks for nothing may be max_staleness behind", "[unit][route]") {
    Case c;
    c.consistency.max_staleness = std::chrono::milliseconds{1500};
    const Result<Asked> asked = c.asked();
    REQUIRE(asked);
    CHECK_FALSE(asked->requirement.critical);
    CHECK_FALSE(asked->requirement.token);
    CHECK(asked->requirement.bound == std::chrono::milliseconds{1500});
}

TEST_CASE("requirement: what makes a read critical", "[unit][route]") {
    using Said = parse::LintasHeaders::Consistency;
    using Default = config::Consistency::Default;
    struct Row {
        std::optional<Said> said;
        std::optional<std::int64_t> max_age;
        bool no_cache;
        Default general;
        std::optional<Default> of_table;
        bool critical;
    };
    const Row row = GENERATE(values<Row>({
        {std::nullopt, std::nullopt, false, Default::eventual, std::nullopt, false},
        {Said::critical, std::nullopt, false, Default::eventual, std::nullopt, true},
        {Said::eventual, std::nullopt, true, Default::eventual, std::nullopt, true},
        {std::nullopt, 0, false, Default::eventual, std::nullopt, true},
        {std::nullopt, 1, false, Default::eventual, std::nullopt, false},
        {std::nullopt, std::nullopt, false, Default::critical, std::nullopt, true},
        {Said::eventual, std::nullopt, false, Default::critical, std::nullopt, false},
        {std::nullopt, std::nullopt, false, Default::eventual, Default::critical, true},
        {std::nullopt, std::nullopt, false, Default::critical, Default::eventual, false},
        {Said::eventual, std::nullopt, false, Default::eventual, Default::critical, false},
        {std::nullopt, 60, false, Default::eventual, Default::critical, true},
    }));
    Case c;
    c.request.schema = "public";
    c.request.relation = "payments";
    c.request.lintas.consistency = row.said;
    c.request.lintas.max_age_s = row.max_age;
    c.request.lintas.no_cache = row.no_cache;
    c.consistency.default_ = row.general;
    const std::string name = GENERATE("payments", "public.payments");
    if (row.of_table) c.consistency.tables[name] = *row.of_table;
    const Result<Asked> asked = c.asked();
    REQUIRE(asked);
    CHECK(asked->requirement.critical == row.critical);
}

TEST_CASE("requirement: max-age replaces max_staleness", "[unit][route]") {
    Case c;
    c.request.lintas.max_age_s = 60;
    REQUIRE(c.asked());
    CHECK(c.asked()->requirement.bound == std::chrono::seconds{60});
    c.request.lintas.max_age_s = 2147483648;  // clamped by the parser, still no overflow
    CHECK(c.asked()->requirement.bound > std::chrono::hours{24 * 365});
}

TEST_CASE("requirement: of several tokens the latest counts", "[unit][route]") {
    Case c;
    c.carry({1, Lsn{900}});
    c.carry({2, Lsn{3000}});
    c.carry({2, Lsn{2000}});
    REQUIRE(c.asked());
    CHECK(c.asked()->requirement.token == Position{2, Lsn{3000}});
    CHECK_FALSE(c.asked()->unknown);
}

TEST_CASE("requirement: forged, foreign and garbled tokens are malformed", "[unit][route]") {
    Case c;
    SECTION("another key") {
        c.request.lintas.positions.push_back(
            TokenCodec{"fedcba9876543210"}.encode(kSystem, {2, Lsn{10}}));
    }
    SECTION("unsigned") {
        c.request.lintas.positions.push_back(TokenCodec{}.encode(kSystem, {2, Lsn{10}}));
    }
    SECTION("another database") {
        c.carry({2, Lsn{10}}, kSystem + 1);
    }
    SECTION("garbage") {
        c.request.lintas.positions.emplace_back("garbage");
    }
    REQUIRE_FALSE(c.asked());
    CHECK(c.asked().error().code == Errc::bad_header);
    CHECK(c.asked().error().details.starts_with("Lintas-Position: "));
}

TEST_CASE("requirement: a token beyond a switch point is lost", "[unit][route]") {
    Case c;
    c.carry({1, Lsn{1001}});
    REQUIRE_FALSE(c.asked());
    CHECK(c.asked().error().code == Errc::position_lost);
    Case kept;
    kept.carry({1, Lsn{1000}});
    CHECK(kept.asked());
}

TEST_CASE("requirement: a token above what is known has to be looked into", "[unit][route]") {
    Case c;
    const Position position = GENERATE(Position{2, Lsn{5001}}, Position{3, Lsn{10}});
    c.carry(position);
    const Result<Asked> asked = c.asked();
    REQUIRE(asked);
    REQUIRE(asked->unknown);
    CHECK(asked->unknown->position == position);
    const Error error = unknown_position(*asked->unknown, c.lineage);
    CHECK(error.code == (position.timeline == 3 ? Errc::deposed : Errc::bad_header));
    position::Token unsigned_token = *asked->unknown;
    unsigned_token.signed_ = false;
    CHECK(unknown_position(unsigned_token, c.lineage).code == Errc::bad_header);
}
