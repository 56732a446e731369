#include "position/freshness.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace lintas;
using namespace lintas::position;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kSchema = 42;

/// Timeline 2 of cluster 7 (1 ended at 100); samples each 100 ms from 1000 ms (LSN 1000) to 2000 ms
/// (LSN 2000); W at `watermark`; table 1 with a floor of 10.
struct World {
    explicit World(std::uint64_t watermark = 2000) {
        progress.change_lineage(lineage(7, History{2, {{1, at(100)}}}));
        progress.restart_feed(at(10), false);
        progress.stamps().follow({{1, 0}, {2, 0}}, at(10));
        for (int i = 0; i <= 10; ++i) {
            progress.samples().add({ms(1000 + i * 100), at(1000 + static_cast<unsigned>(i) * 100)});
        }
        progress.advance(at(watermark));
    }
    Verdict judge(const Provenance& entry, const Requirement& requirement) const {
        return position::judge(entry, requirement, progress, *progress.lineage().get(), kSchema,
                               ms(2000));
    }
    Provenance entry(std::uint64_t as_of, std::optional<KeyHash> row = KeyHash{1}) const {
        Provenance made;
        made.system_id = 7;
        made.timeline = 2;
        made.as_of = at(as_of);
        made.schema_epoch = progress.schema_epoch();
        made.hi = at(as_of);
        made.schema = kSchema;
        made.dependencies = {{progress.stamps().table(1), row}};
        return made;
    }
    Progress progress;
};

Requirement within(std::chrono::nanoseconds bound, std::optional<Position> token = {}) {
    Requirement requirement;
    requirement.bound = bound;
    requirement.token = token;
    requirement.asked = ms(2000);
    return requirement;
}

constexpr auto kFresh = Verdict::Kind::fresh;
constexpr auto kChanged = Verdict::Kind::changed;
constexpr auto kStale = Verdict::Kind::stale;

}  // namespace

TEST_CASE("freshness: an entry that nothing touched is as fresh as the feed", "[unit][position]") {
    const World world;
    const Verdict verdict = world.judge(world.entry(20), within(100ms));
    CHECK(verdict.kind == kFresh);
    CHECK(verdict.age == 0ns);
}

TEST_CASE("freshness: the feed has to have come as far as the request wants", "[unit][position]") {
    struct Row {
        std::uint64_t watermark;
        std::chrono::milliseconds bound;
        Verdict::Kind kind;
    };
    const auto row = GENERATE(values<Row>({
        {2000, 0ms, kFresh},
        {1999, 0ms, kStale},
        {1999, 100ms, kFresh},
        {1500, 500ms, kFresh},
        {1500, 499ms, kStale},  // the sample at 1600 ms is the oldest that is not older
        {1500, 400ms, kStale},
        {900, 1000ms, kStale},
        {1000, 1000ms, kFresh},
        {1000, 10000ms, kFresh},  // the oldest that is remembered
        {999, 10000ms, kStale},
    }));
    INFO(row.watermark << " within " << row.bound.count());
    const World world{row.watermark};
    CHECK(world.judge(world.entry(20), within(row.bound)).kind == row.kind);
}

TEST_CASE("freshness: what changed is served only while the bound allows it", "[unit][position]") {
    World world;
    world.progress.stamps().stamp(1, 1, at(1400));
    struct Row {
        std::uint64_t as_of;
        std::chrono::milliseconds bound;
        Verdict::Kind kind;
    };
    const auto row = GENERATE(values<Row>({
        {1400, 0ms, kFresh},      // the stamp is contained
        {1399, 600ms, kStale},    // wants what the primary had at 1400 ms
        {1399, 700ms, kChanged},  // 1300 ms: contained
        {1300, 700ms, kChanged},
        {1300, 699ms, kStale},
        {1299, 700ms, kStale},
        {1500, 0ms, kFresh},
    }));
    INFO(row.as_of << " within " << row.bound.count());
    CHECK(world.judge(world.entry(row.as_of), within(row.bound)).kind == row.kind);
}

TEST_CASE("freshness: what an answer may have seen is not what it is known to contain",
          "[unit][position]") {
    World world;
    world.progress.stamps().stamp(1, 1, at(1400));
    Provenance entry = world.entry(1300);
    entry.hi = at(1500);  // read between 1300 and 1500, as fills from the primary are
    CHECK(world.judge(entry, within(0ms)).kind == kStale);
    CHECK(world.judge(entry, within(700ms)).kind == kChanged);
}

TEST_CASE("freshness: rows of another key do not matter, whole tables and floors do",
          "[unit][position]") {
    World world;
    world.progress.stamps().stamp(1, 2, at(1900));
    CHECK(world.judge(world.entry(1800, KeyHash{1}), within(0ms)).kind == kFresh);
    CHECK(world.judge(world.entry(1800, KeyHash{2}), within(0ms)).kind == kStale);
    CHECK(world.judge(world.entry(1800, std::nullopt), within(0ms)).kind == kStale);
    world.progress.stamps().stamp_table(2, at(1950));
    CHECK(world.judge(world.entry(1800, KeyHash{1}), within(0ms)).kind == kFresh);
    world.progress.raise_global_floor(at(1850));
    CHECK(world.judge(world.entry(1800, KeyHash{1}), within(0ms)).kind == kStale);
    CHECK(world.judge(world.entry(1850, KeyHash{1}), within(0ms)).kind == kFresh);
}

TEST_CASE("freshness: a token asks for what its client has seen", "[unit][position]") {
    struct Row {
        Position token;
        std::uint64_t watermark;
        std::uint64_t as_of;
        Verdict::Kind kind;
    };
    const auto row = GENERATE(values<Row>({
        {{2, at(2000)}, 2000, 20, kFresh},
        {{2, at(2001)}, 2000, 20, kStale},    // not stamped so far
        {{2, at(2001)}, 2000, 2001, kFresh},  // but read so far
        {{2, at(2001)}, 2000, 2500, kFresh},
        {{1, at(100)}, 2000, 20, kFresh},  // an ancestor's
        {{1, at(101)}, 2000, 20, kStale},  // lost is never satisfied
        {{3, at(50)}, 2000, 20, kStale},   // a timeline that is not known here yet
    }));
    INFO(row.token.timeline << "/" << row.token.lsn.value << " as of " << row.as_of);
    const World world{row.watermark};
    CHECK(world.judge(world.entry(row.as_of), within(1s, row.token)).kind == row.kind);
}

TEST_CASE("freshness: after its own write a client never gets the entry from before",
          "[unit][position]") {
    World world;
    const Provenance before = world.entry(1500);
    world.progress.stamps().stamp(1, 1, at(1990));
    // W has passed it: the stamp says so. W has not: W does not cover the token.
    CHECK(world.judge(before, within(10s, Position{2, at(1990)})).kind == kStale);
    const World late{1980};
    CHECK(late.judge(late.entry(1500), within(10s, Position{2, at(1990)})).kind == kStale);
}

TEST_CASE("freshness: entries of other clusters, histories, schemas and unknown tables",
          "[unit][position]") {
    const World world;
    const Provenance good = world.entry(20);
    CHECK(world.judge(good, within(0ms)).kind == kFresh);
    Provenance entry = good;
    entry.system_id = 8;
    CHECK(world.judge(entry, within(1h)).kind == kStale);
    entry = good;
    entry.schema = 43;
    CHECK(world.judge(entry, within(1h)).kind == kStale);
    entry = good;
    entry.timeline = 1;  // read before the failover, up to 20: kept history
    CHECK(world.judge(entry, within(0ms)).kind == kFresh);
    entry.hi = at(101);  // shows what the failover dropped
    CHECK(world.judge(entry, within(1h)).kind == kStale);
    entry = good;
    entry.timeline = 3;
    CHECK(world.judge(entry, within(1h)).kind == kStale);
    entry = good;
    entry.dependencies.push_back({nullptr, {}});
    CHECK(world.judge(entry, within(0ms)).kind == kStale);
    Requirement critical = within(1h);
    critical.critical = true;
    CHECK(world.judge(good, critical).kind == kStale);
}

TEST_CASE("freshness: without a feed an entry ages from when it was read", "[unit][position]") {
    Progress progress;
    progress.change_lineage(lineage());
    Provenance entry;
    entry.system_id = 7;
    entry.timeline = 1;
    entry.schema = kSchema;
    entry.hi = at(50);
    entry.dependencies = {{nullptr, {}}};
    entry.read_at = ms(1500);
    const auto judged = [&](const Requirement& requirement) {
        return judge(entry, requirement, progress, *progress.lineage().get(), kSchema, ms(2000));
    };
    CHECK(judged(within(500ms)).kind == kFresh);
    CHECK(judged(within(500ms)).age == 500ms);
    CHECK(judged(within(499ms)).kind == kStale);
    CHECK(judged(within(1h, Position{1, at(1)})).kind == kStale);  // nothing proves it
}

TEST_CASE("freshness: the age is that of what the answer is known to contain", "[unit][position]") {
    World world{1950};
    CHECK(world.judge(world.entry(20), within(1s)).age == 100ms);  // as old as W's newest sample
    world.progress.stamps().stamp(1, 1, at(1700));
    CHECK(world.judge(world.entry(1650), within(1s)).age == 400ms);  // 1600 ms
    Provenance entry = world.entry(1650);
    entry.read_at = ms(1900);
    CHECK(world.judge(entry, within(1s)).age == 100ms);
}

TEST_CASE("freshness: nothing is judged while the feed restarts or has no samples",
          "[unit][position]") {
    World world;
    world.progress.samples().clear();
    CHECK(world.judge(world.entry(20), within(1h)).kind == kStale);
    World other;
    const Provenance entry = other.entry(20);
    other.progress.change_lineage(lineage(7, History{3, {{1, at(100)}, {2, at(1500)}}}));
    CHECK(other.judge(entry, within(1h)).kind == kStale);  // until the feed starts again
}

TEST_CASE("freshness: a replica's answer is judged by what it contained", "[unit][position]") {
    const History history{2, {{1, at(100)}}};
    struct Row {
        Wanted wanted;
        Position as_of;
        Coverage coverage;
    };
    const Position far{2, at(1000)};
    const auto row = GENERATE_COPY(values<Row>({
        {{{}, Position{2, at(1000)}}, far, Coverage::covered},
        {{{}, Position{2, at(1001)}}, far, Coverage::behind},
        {{Position{2, at(900)}, Position{2, at(1000)}}, far, Coverage::covered},
        {{Position{2, at(1001)}, Position{2, at(1000)}}, far, Coverage::behind},
        {{Position{1, at(101)}, Position{2, at(1000)}}, far, Coverage::lost},
        {{Position{1, at(101)}, {}}, far, Coverage::lost},
        {{Position{2, at(900)}, {}}, far, Coverage::behind},  // no sample: nothing proves the bound
        {{{}, {}}, far, Coverage::behind},
        {{{}, Position{2, at(150)}}, {1, at(900)}, Coverage::behind},  // on the lost branch
    }));
    CHECK(replica_covers(row.wanted, history, row.as_of) == row.coverage);
}

TEST_CASE("freshness: an answer made with an older catalogue counts for what it contained only",
          "[unit][position]") {
    World world;
    Provenance entry = world.entry(1300);
    const Requirement requirement = within(100ms);  // needs what the stamps say
    REQUIRE(world.judge(entry, requirement).kind == kFresh);
    world.progress.note_schema_change(at(5));  // no floor reaches it
    CHECK(world.judge(entry, requirement).kind == kStale);
    CHECK(world.judge(entry, within(700ms)).usable());
    entry.schema_epoch = world.progress.schema_epoch();
    CHECK(world.judge(entry, requirement).kind == kFresh);
}

TEST_CASE("progress: a schema is readable once its last change is visible", "[unit][position]") {
    Progress progress;
    CHECK(progress.readable_schema_epoch() == 0);
    progress.restart_feed(at(10), true);
    progress.note_schema_change(at(20));
    CHECK(progress.readable_schema_epoch() == Progress::kNoEpoch);
    progress.commits().mark(at(20), 7);
    progress.commits().observed(Snapshot{9, 9, {}}, at(30), at(30), Clock::now());
    CHECK(progress.readable_schema_epoch() == progress.schema_epoch());
}
