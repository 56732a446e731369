#include "schema/debounce.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace lintas;
using namespace lintas::schema;
using namespace std::chrono_literals;

namespace {

constexpr Clock::time_point at(std::chrono::milliseconds since_start) {
    return Clock::time_point{} + since_start;
}

/// When runs start, if asked at these times and each run takes `run`.
std::vector<std::chrono::milliseconds> starts(const std::vector<std::chrono::milliseconds>& asked,
                                              std::chrono::milliseconds run) {
    Debounce debounce{100ms, 1000ms};
    std::vector<std::chrono::milliseconds> started;
    std::size_t next = 0;
    std::optional<std::chrono::milliseconds> running_until;
    for (std::chrono::milliseconds now{0}; now < 10s; now += 1ms) {
        while (next < asked.size() && asked[next] == now) debounce.asked(at(asked[next++]));
        if (running_until && *running_until == now) {
            debounce.finished(at(now));
            running_until.reset();
        }
        const std::optional<Clock::time_point> due = debounce.due();
        if (!running_until && due && *due <= at(now)) {
            debounce.started();
            started.push_back(now);
            running_until = now + run;
        }
    }
    return started;
}

std::vector<std::chrono::milliseconds> every(std::chrono::milliseconds step, int count) {
    std::vector<std::chrono::milliseconds> times;
    for (int i = 0; i < count; ++i) times.push_back(i * step);
    return times;
}

}  // namespace

TEST_CASE("debounce: nobody asked, nothing is due", "[unit][schema]") {
    CHECK_FALSE(Debounce(100ms, 1s).due().has_value());
    CHECK(starts({}, 10ms).empty());
}

TEST_CASE("debounce: one request runs at once, and so does one long after", "[unit][schema]") {
    CHECK(starts({0ms}, 10ms) == std::vector{0ms});
    CHECK(starts({0ms, 500ms}, 10ms) == std::vector{0ms, 500ms});
}

TEST_CASE("debounce: a burst runs at its start and 100 ms after its end", "[unit][schema]") {
    CHECK(starts(every(5ms, 20), 10ms) == std::vector{0ms, 195ms});
    CHECK(starts({0ms, 1ms}, 10ms) == std::vector{0ms, 101ms});
}

TEST_CASE("debounce: what is asked during a run is owed another", "[unit][schema]") {
    CHECK(starts({0ms, 300ms}, 400ms) == std::vector{0ms, 400ms});
    CHECK(starts({0ms, 390ms}, 400ms) == std::vector{0ms, 490ms});
}

TEST_CASE("debounce: a burst without an end is served once a second", "[unit][schema]") {
    const auto runs = starts(every(20ms, 200), 10ms);  // four seconds
    CHECK(runs.size() == 5);
    CHECK(runs.front() == 0ms);
    for (std::size_t i = 1; i < runs.size(); ++i) CHECK(runs[i] - runs[i - 1] <= 1100ms);
}
