#include "position/stamps.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "support.hpp"

using namespace lintas::position;

namespace {

KeyHash key(std::initializer_list<std::string_view> values) {
    KeyHasher hasher;
    for (const std::string_view value : values) hasher.add(value);
    return hasher.hash();
}

Lsn newest(const Stamps& stamps, std::uint32_t oid, std::optional<KeyHash> row = {}) {
    const std::vector<Dependency> one{{stamps.table(oid), row}};
    return stamps.newest(one);
}

}  // namespace

TEST_CASE("stamps: a key is hashed value by value", "[unit][position]") {
    CHECK(key({"1"}) == key({"1"}));
    CHECK(key({"a", "bc"}) != key({"ab", "c"}));
    CHECK(key({"a", ""}) != key({"", "a"}));
    CHECK(key({"", ""}) != key({""}));
    CHECK(key({"1", "2"}) != key({"2", "1"}));
    // Consecutive keys spread: the low bits choose the bucket.
    std::set<KeyHash> buckets;
    for (int i = 0; i < 1024; ++i) buckets.insert(key({std::to_string(i)}) & 1023U);
    CHECK(buckets.size() > 500);
}

TEST_CASE("stamps: buckets grow with the table, within limits", "[unit][position]") {
    CHECK(buckets_for(-1) == Stamps::kBucketsMin);
    CHECK(buckets_for(0) == Stamps::kBucketsMin);
    CHECK(buckets_for(1024) == 1024);
    CHECK(buckets_for(1025) == 2048);
    CHECK(buckets_for(1e12) == Stamps::kBucketsMax);
}

TEST_CASE("stamps: a row, a table and everything", "[unit][position]") {
    Stamps stamps;
    stamps.follow({{1, 0}, {2, 0}}, at(5));
    CHECK(newest(stamps, 1) == at(5));
    CHECK(newest(stamps, 1, key({"x"})) == at(5));
    stamps.stamp(1, key({"x"}), at(10));
    CHECK(newest(stamps, 1, key({"x"})) == at(10));
    CHECK(newest(stamps, 1, key({"y"})) == at(5));
    CHECK(newest(stamps, 1) == at(10));
    CHECK(newest(stamps, 2) == at(5));
    stamps.stamp_table(1, at(20));
    CHECK(newest(stamps, 1, key({"y"})) == at(20));
    CHECK(newest(stamps, 2) == at(5));
    stamps.raise_global_floor(at(30));
    CHECK(newest(stamps, 2, key({"z"})) == at(30));
    stamps.stamp(1, key({"x"}), at(8));  // an older one changes nothing
    CHECK(newest(stamps, 1, key({"x"})) == at(30));
    CHECK(stamps.count() == 3);
}

TEST_CASE("stamps: several dependencies are as new as the newest of them", "[unit][position]") {
    Stamps stamps;
    stamps.follow({{1, 0}, {2, 0}}, at(1));
    stamps.stamp(1, key({"x"}), at(10));
    stamps.stamp(2, key({"x"}), at(20));
    const std::vector<Dependency> both{{stamps.table(1), key({"x"})}, {stamps.table(2), {}}};
    CHECK(stamps.newest(both) == at(20));
    CHECK(stamps.newest({}) == kNoLsn);  // depends on nothing but the schema
    const std::vector<Dependency> unknown{{stamps.table(1), {}}, {stamps.table(99), {}}};
    CHECK(stamps.newest(unknown) == kEndOfTime);
}

TEST_CASE("stamps: a table that grows keeps its stamps", "[unit][position]") {
    Stamps stamps;
    stamps.follow({{1, 0}}, at(1));
    for (int i = 0; i < 5000; ++i) {
        stamps.stamp(1, key({std::to_string(i)}), at(static_cast<std::uint64_t>(i) + 10));
    }
    const auto before = stamps.table(1);
    stamps.follow({{1, 1e5}}, at(900'000));
    CHECK(stamps.table(1) == before);
    CHECK(stamps.table(1)->buckets() == 131072);
    for (int i = 0; i < 5000; ++i) {
        REQUIRE(newest(stamps, 1, key({std::to_string(i)})) >=
                at(static_cast<std::uint64_t>(i) + 10));
    }
    CHECK(newest(stamps, 1) == at(5009));  // the floor is for new tables
    stamps.follow({{1, 0}}, at(1));
    CHECK(stamps.table(1)->buckets() == 131072);  // never smaller
}

TEST_CASE("stamps: a table that is not followed any more is never fresh again",
          "[unit][position]") {
    Stamps stamps;
    stamps.follow({{1, 0}}, at(1));
    const std::vector<Dependency> held{{stamps.table(1), {}}};
    stamps.follow({}, at(2));
    CHECK(stamps.newest(held) == kEndOfTime);
    CHECK(stamps.table(1) == nullptr);
    stamps.stamp(1, 0, at(3));
    stamps.stamp_table(1, at(3));
    // Followed again it is another one: what was cached before stays unusable.
    stamps.follow({{1, 0}}, at(9));
    CHECK(stamps.newest(held) == kEndOfTime);
    CHECK(newest(stamps, 1) == at(9));
    CHECK(stamps.tables().size() == 1);
}

TEST_CASE("stamps: a transfer brings what another process has", "[unit][position]") {
    Stamps from;
    from.follow({{1, 5000}}, at(3));
    from.stamp(1, key({"x"}), at(10));
    from.stamp(1, key({"y"}), at(20));
    const auto table = from.table(1);
    std::vector<Lsn> ends;
    for (std::size_t i = 0; i < table->buckets(); ++i) ends.push_back(table->newest_of_row(i));

    const double rows = GENERATE(0.0, 5000.0, 100000.0);  // smaller, equal, larger here
    Stamps to;
    to.follow({{1, rows}}, at(1));
    to.stamp(1, key({"y"}), at(25));
    to.load(1, table->newest(), table->floor(), ends);
    CHECK(newest(to, 1, key({"x"})) == at(10));
    CHECK(newest(to, 1, key({"y"})) == at(25));
    CHECK(newest(to, 1) == at(25));
    CHECK(to.table(1)->floor() == at(3));
    // Not a size that buckets can have: left alone.
    to.load(1, at(99), at(99), std::vector<Lsn>(3));
    to.load(1, at(99), at(99), {});
    to.load(2, at(99), at(99), ends);
    CHECK(newest(to, 1) == at(25));
}
