#include "position/progress.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace lintas::position;

TEST_CASE("progress: the watermark never goes back but by a restart", "[unit][position]") {
    Progress progress;
    progress.change_lineage(lineage());
    progress.restart_feed(at(100), false);
    CHECK(progress.watermark() == at(100));
    CHECK(progress.stamps().global_floor() == at(100));
    CHECK(progress.breaks() == 1);
    progress.advance(at(150));
    progress.advance(at(120));
    CHECK(progress.watermark() == at(150));
    // A server that was rolled back: what comes may reuse positions.
    progress.restart_feed(at(90), false);
    CHECK(progress.watermark() == at(90));
    CHECK(progress.stamps().global_floor() == at(90));
    CHECK(progress.breaks() == 2);
}

TEST_CASE("progress: a continuous restart keeps stamps and floors, and voids fills",
          "[unit][position]") {
    Progress progress;
    progress.change_lineage(lineage());
    progress.restart_feed(at(100), false);
    progress.advance(at(150));
    progress.raise_global_floor(at(120));
    const std::uint64_t restarts = progress.restarts();
    progress.restart_feed(at(150), true);
    CHECK(progress.watermark() == at(150));
    CHECK(progress.stamps().global_floor() == at(120));
    CHECK(progress.breaks() == 1);
    CHECK(progress.restarts() == restarts + 2);
    CHECK(progress.commits().wants_boundary());
}

TEST_CASE("progress: another timeline voids samples, stamps and W until the feed starts",
          "[unit][position]") {
    Progress progress;
    progress.change_lineage(lineage());
    CHECK(progress.breaks() == 0);  // the first one breaks nothing
    progress.restart_feed(at(100), false);
    progress.samples().add({ms(1), at(100)});
    progress.saw_written(at(500));
    const std::uint64_t version = progress.lineage().version();
    progress.change_lineage(lineage());  // what is known
    CHECK(progress.lineage().version() == version);
    CHECK(progress.samples().newest());

    progress.change_lineage(lineage(7, History{2, {{1, at(90)}}}));
    CHECK(progress.lineage().get()->history.current() == 2);
    CHECK(progress.watermark() == kNoLsn);
    CHECK(progress.written() == kNoLsn);
    CHECK(progress.stamps().global_floor() == kEndOfTime);
    CHECK_FALSE(progress.samples().newest());
    CHECK(progress.restarts() % 2 == 0);
    progress.restart_feed(at(95), false);
    CHECK(progress.watermark() == at(95));
    CHECK(progress.stamps().global_floor() == at(95));
}

TEST_CASE("progress: what was seen written only grows", "[unit][position]") {
    Progress progress;
    progress.saw_written(at(10));
    progress.saw_written(at(5));
    CHECK(progress.written() == at(10));
    CHECK(progress.feed() == FeedState::none);
    progress.set_feed(FeedState::live);
    CHECK(progress.feed() == FeedState::live);
}
