#include "replica/replica.hpp"

#include <catch2/catch.hpp>

namespace lintas::replica {

namespace {

using position::History;
using position::Lsn;
using position::Samples;
using std::chrono::seconds;

Clock::time_point at(int second) {
    return Clock::time_point{seconds{second}};
}

}  // namespace

TEST_CASE("lag: the age of what the replica contains, however long ago the last commit was",
          "[unit][replica]") {
    Samples samples;
    samples.add({at(10), Lsn{100}});
    samples.add({at(11), Lsn{100}});  // idle
    samples.add({at(12), Lsn{200}});
    samples.add({at(13), Lsn{300}});
    const History history{2, {{1, Lsn{150}}}};
    struct Row {
        position::Position replayed;
        std::optional<int> expected;
    };
    const auto row = GENERATE(values<Row>({
        {{2, Lsn{300}}, 7},             // everything that was sampled
        {{2, Lsn{900}}, 7},             // more than that
        {{2, Lsn{299}}, 8},             //
        {{2, Lsn{150}}, 9},             // up to date until the commit after second 11
        {{1, Lsn{150}}, 9},             // of an ancestor, before the switch
        {{1, Lsn{151}}, std::nullopt},  // lost
        {{2, Lsn{99}}, std::nullopt},   // older than all that is known
        {{3, Lsn{300}}, std::nullopt},  // of a timeline that is not known
    }));
    const auto lag = lag_of(samples, history, row.replayed, at(20));
    INFO(row.replayed.timeline << ": " << row.replayed.lsn.value);
    REQUIRE(lag.has_value() == row.expected.has_value());
    if (lag) CHECK(*lag == seconds{*row.expected});
}

TEST_CASE("lag: without a primary nothing is known", "[unit][replica]") {
    Samples samples;
    CHECK_FALSE(lag_of(samples, History{}, {0, Lsn{1}}, at(1)));
    CHECK_FALSE(lag_of(samples, History{1, {}}, {1, Lsn{1}}, at(1)));
}

TEST_CASE("replica: a state change is told once", "[unit][replica]") {
    Replica replica{"r1", "postgresql://"};
    CHECK(replica.state() == State::down);
    CHECK(replica.problem() == "not reached yet");
    CHECK(replica.set_state(State::up, ""));
    CHECK_FALSE(replica.set_state(State::up, ""));
    CHECK(replica.readable());
    CHECK(replica.set_state(State::quarantined, "why"));
    CHECK_FALSE(replica.readable());
}

TEST_CASE("replicas: the first who waits makes the monitor hurry, listeners come and go",
          "[unit][replica]") {
    Replicas replicas{{{"r1", ""}, {"r2", ""}}};
    int hurries = 0;
    int told = 0;
    replicas.set_monitor([&] { ++hurries; });
    const std::uint64_t id = replicas.listen([&] { ++told; });
    replicas.begin_wait();
    replicas.begin_wait();
    CHECK(hurries == 1);
    CHECK(replicas.awaited());
    replicas.end_wait();
    CHECK(replicas.awaited());
    replicas.end_wait();
    CHECK_FALSE(replicas.awaited());
    replicas.tell_listeners();
    CHECK(told == 1);
    replicas.unlisten(id);
    replicas.tell_listeners();
    CHECK(told == 1);
    replicas.set_monitor({});
    replicas.look_again();
    CHECK(hurries == 1);
}

}  // namespace lintas::replica
