#include "position/recent_commits.hpp"

#include <catch2/catch.hpp>

#include "support.hpp"

using namespace lintas;
using namespace lintas::position;

namespace {

/// Settled: everything up to 0 is visible, and somebody looked at 0 ms.
void settle(RecentCommits& commits) {
    commits.restart(at(1));
    commits.set_boundary(5);
    commits.observed({6, 6, {}}, at(1), at(1), ms(0));
}

}  // namespace

TEST_CASE("commits: after a restart nothing is known until older transactions have ended",
          "[unit][position]") {
    RecentCommits commits;
    commits.restart(at(100));
    CHECK(commits.wants_boundary());
    const Snapshot all{50, 50, {}};
    // Looks without a boundary say nothing of commits from before (hazard 3: one of them may wait
    // for a synchronous standby).
    commits.observed(all, at(120), at(120), ms(1));
    CHECK_FALSE(commits.complete_to(at(120), all, ms(2)));
    commits.set_boundary(60);
    CHECK_FALSE(commits.wants_boundary());
    commits.set_boundary(10);                                       // not wanted: ignored
    commits.observed({60, 70, {60, 65}}, at(130), at(130), ms(3));  // 60 itself still runs
    CHECK_FALSE(commits.complete_to(at(130), all, ms(4)));
    commits.observed({61, 70, {65}}, at(130), at(130), ms(5));
    CHECK(commits.complete_to(at(130), {61, 70, {65}}, ms(6)) == at(130));
    // An answer that was asked for before anybody knew is not kept.
    CHECK_FALSE(commits.complete_to(at(130), {61, 70, {65}}, ms(4)));
    commits.restart(at(140));
    CHECK(commits.wants_boundary());
    CHECK_FALSE(commits.complete_to(at(150), all, ms(7)));
}

TEST_CASE("commits: an answer is complete up to the start of the first commit it does not show",
          "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    commits.add({at(10), at(20), 10});
    commits.add({at(30), at(40), 11});
    commits.add({at(50), at(60), 12});
    struct Row {
        Snapshot snapshot;
        std::uint64_t flush;
        std::uint64_t complete;
    };
    const auto row = GENERATE(values<Row>({
        {{13, 13, {}}, 60, 60},
        {{13, 13, {}}, 70, 70},
        {{10, 13, {10}}, 60, 10},  // written, in the feed, and not visible yet
        {{11, 13, {11}}, 60, 30},
        {{10, 13, {10, 12}}, 60, 10},
        {{12, 13, {12}}, 55, 55},  // it had not ended by the flush position
        {{12, 13, {12}}, 60, 50},
        {{12, 12, {}}, 60, 50},  // at or beyond xmax (hazard 4)
        {{10, 10, {}}, 60, 10},
        {{10, 10, {}}, 15, 15},
    }));
    CHECK(commits.complete_to(at(row.flush), row.snapshot, ms(1)) == at(row.complete));
}

TEST_CASE("commits: what one look showed need not be asked again", "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    commits.add({at(10), at(20), 10});
    commits.add({at(30), at(40), 11});
    commits.observed({11, 12, {11}}, at(40), at(40), ms(100));  // shows 10
    const Snapshot none{9, 9, {}};
    // Asked for after that look: 10 is visible, whatever the snapshot says.
    CHECK(commits.complete_to(at(40), none, ms(100)) == at(30));
    // Asked for before it.
    CHECK(commits.complete_to(at(40), none, ms(99)) == at(10));
}

TEST_CASE("commits: a look says nothing of what the feed has not brought yet", "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    commits.observed({20, 20, {}}, at(100), at(50), ms(100));  // W is behind the flush position
    commits.add({at(60), at(70), 30});
    CHECK(commits.complete_to(at(80), {30, 31, {30}}, ms(200)) == at(60));
}

TEST_CASE("commits: a commit that stays invisible holds everything back", "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    commits.add({at(10), at(20), 10});
    const Snapshot waiting{10, 12, {10}};
    for (int i = 1; i <= 100; ++i) {
        const std::uint64_t end = 20 + 10 * static_cast<std::uint64_t>(i);
        commits.add({at(end - 5), at(end), 11});
        commits.observed(waiting, at(end), at(end), ms(i * 1000));
        REQUIRE(commits.complete_to(at(end), waiting, ms(i * 1000)) == at(10));
    }
    const Snapshot done{12, 12, {}};
    commits.observed(done, at(1020), at(1020), ms(200'000));
    CHECK(commits.complete_to(at(1020), waiting, ms(200'000)) == at(1020));
}

TEST_CASE("commits: when one has to be dropped that nobody has seen, everything starts anew",
          "[unit][position]") {
    RecentCommits commits{2};
    settle(commits);
    commits.add({at(10), at(20), 10});
    commits.add({at(30), at(40), 11});
    commits.add({at(50), at(60), 12});  // 10 is dropped
    CHECK(commits.size() == 2);
    CHECK(commits.wants_boundary());
    const Snapshot waiting{10, 13, {10}};
    CHECK_FALSE(commits.complete_to(at(60), waiting, ms(1)));
    // A look cannot tell that 10 is still invisible: it is not in the list any more.
    commits.observed(waiting, at(60), at(60), ms(2));
    CHECK_FALSE(commits.complete_to(at(60), waiting, ms(3)));
    commits.set_boundary(14);
    commits.observed({10, 15, {10, 14}}, at(60), at(60), ms(4));
    CHECK_FALSE(commits.complete_to(at(60), waiting, ms(5)));
    commits.observed({15, 15, {}}, at(60), at(60), ms(6));
    CHECK(commits.complete_to(at(60), {15, 15, {}}, ms(7)) == at(60));
}

TEST_CASE("commits: dropping one that was seen costs only older answers", "[unit][position]") {
    RecentCommits commits{2};
    settle(commits);
    commits.add({at(10), at(20), 10});
    commits.observed({11, 11, {}}, at(20), at(20), ms(100));
    commits.add({at(30), at(40), 11});
    commits.add({at(50), at(60), 12});  // 10 is dropped
    CHECK_FALSE(commits.wants_boundary());
    CHECK_FALSE(commits.complete_to(at(60), {13, 13, {}}, ms(50)));
    CHECK(commits.complete_to(at(60), {12, 13, {12}}, ms(100)) == at(50));
}

TEST_CASE("commits: on a new timeline nothing is known before its feed begins",
          "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    commits.restart(kEndOfTime);
    CHECK_FALSE(commits.wants_boundary());
    commits.set_boundary(20);
    commits.observed({30, 30, {}}, at(500), kNoLsn, ms(10));
    CHECK_FALSE(commits.complete_to(at(500), {30, 30, {}}, ms(20)));
    commits.restart(at(400));
    CHECK(commits.wants_boundary());
}

TEST_CASE("commits: xids may wrap around between two of them", "[unit][position]") {
    constexpr std::uint64_t kEpoch = std::uint64_t{1} << 32U;
    RecentCommits commits;
    commits.restart(at(1));
    commits.set_boundary(kEpoch - 10);
    commits.observed({kEpoch - 5, kEpoch - 5, {}}, at(1), at(1), ms(0));
    commits.add({at(10), at(20), 0xFFFFFFFEU});
    commits.add({at(30), at(40), 3});
    CHECK(commits.complete_to(at(40), {kEpoch + 4, kEpoch + 4, {}}, ms(1)) == at(40));
    CHECK(commits.complete_to(at(40), {kEpoch + 3, kEpoch + 4, {kEpoch + 3}}, ms(1)) == at(30));
    CHECK(commits.complete_to(at(40), {kEpoch - 2, kEpoch + 4, {kEpoch - 2}}, ms(1)) == at(10));
}

TEST_CASE("commits: a replica shows the commit that it parks at", "[unit][position]") {
    RecentCommits commits;
    commits.restart(at(50));
    commits.add({at(100), at(148), 10});
    commits.add({at(300), at(348), 11});
    struct Row {
        std::uint64_t replayed, received, watermark, visible;
    };
    const auto row = GENERATE(values<Row>({
        {99, 500, 400, 148},   // just before its start
        {100, 500, 400, 148},  // parked at its START (98 % of delayed replicas)
        {60, 500, 400, 148},   // its start is behind a page header
        {59, 500, 400, 59},    // further than a header away
        {148, 500, 400, 148},  // it is counted
        {260, 500, 400, 348},
        {259, 500, 400, 259},
        {348, 500, 400, 348},
        {348, 500, 348, 500},  // the feed has not come so far: whatever was received
        {348, 500, 388, 500},
        {348, 500, 389, 348},
        {348, 0, 348, 348},   // it receives nothing (from an archive)
        {49, 500, 400, 500},  // from before what is known
    }));
    INFO(row.replayed << " " << row.watermark);
    CHECK(commits.visible_to(at(row.replayed), at(row.received), at(row.watermark)) ==
          at(row.visible));
}

TEST_CASE("commits: they are kept for a while, not for ever", "[unit][position]") {
    RecentCommits commits;
    settle(commits);
    std::uint64_t end = 10;
    std::uint32_t xid = 10;
    for (int second = 1; second <= 120; ++second) {
        for (int i = 0; i < 2000; ++i, end += 10, ++xid) commits.add({at(end - 5), at(end), xid});
        commits.observed({xid, xid, {}}, at(end), at(end), ms(second * 1000));
    }
    CHECK(commits.size() <= 65536 + 2000 * 35);
    CHECK(commits.complete_to(at(end), {xid, xid, {}}, ms(120'000)) == at(end));
    CHECK_FALSE(commits.wants_boundary());
}
