#include "position/samples.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "support.hpp"

using namespace lintas;
using namespace lintas::position;

TEST_CASE("samples: the requirement is the oldest sample that is not too old", "[unit][position]") {
    Samples samples;
    CHECK_FALSE(samples.not_older_than(ms(0)));
    for (int i = 1; i <= 5; ++i) samples.add({ms(i * 100), at(static_cast<std::uint64_t>(i))});
    CHECK(samples.not_older_than(ms(0))->lsn == at(1));
    CHECK(samples.not_older_than(ms(100))->lsn == at(1));
    CHECK(samples.not_older_than(ms(101))->lsn == at(2));
    CHECK(samples.not_older_than(ms(500))->lsn == at(5));
    CHECK_FALSE(samples.not_older_than(ms(501)));  // the primary was not heard of since
}

TEST_CASE("samples: an answer is as old as the newest sample that it contains",
          "[unit][position]") {
    Samples samples;
    CHECK_FALSE(samples.newest_within(kEndOfTime));
    samples.add({ms(100), at(10)});
    samples.add({ms(200), at(10)});  // an idle system
    samples.add({ms(300), at(20)});
    CHECK_FALSE(samples.newest_within(at(9)));
    CHECK(samples.newest_within(at(10))->at == ms(200));
    CHECK(samples.newest_within(at(19))->at == ms(200));
    CHECK(samples.newest_within(at(20))->at == ms(300));
    CHECK(samples.newest()->at == ms(300));
}

TEST_CASE("samples: neither time nor position goes backwards", "[unit][position]") {
    Samples samples;
    samples.add({ms(100), at(10)});
    samples.add({ms(200), at(9)});
    samples.add({ms(50), at(11)});
    CHECK(samples.newest()->at == ms(100));
    samples.add({ms(300), at(10)});
    CHECK(samples.newest()->at == ms(300));
}

TEST_CASE("samples: another timeline begins without any, and may begin lower", "[unit][position]") {
    Samples samples;
    samples.add({ms(100), at(10)});
    samples.clear();
    CHECK_FALSE(samples.newest());
    CHECK_FALSE(samples.not_older_than(ms(0)));
    samples.add({ms(50), at(5)});
    CHECK(samples.newest()->lsn == at(5));
    CHECK(samples.not_older_than(ms(0))->lsn == at(5));
}

TEST_CASE("samples: when they are full the oldest go, and the oldest left is used",
          "[unit][position]") {
    Samples samples;
    const auto count = static_cast<std::int64_t>(Samples::kCapacity) + 100;
    for (std::int64_t i = 1; i <= count; ++i) {
        samples.add({ms(i), at(static_cast<std::uint64_t>(i))});
    }
    CHECK(samples.newest()->lsn == at(static_cast<std::uint64_t>(count)));
    const auto oldest = samples.not_older_than(ms(0));
    REQUIRE(oldest);
    CHECK(oldest->lsn == at(102));
    CHECK_FALSE(samples.newest_within(at(101)));
    CHECK(samples.newest_within(at(102))->at == ms(102));
}

TEST_CASE("samples: a reader never sees half of one", "[unit][position]") {
    Samples samples;
    std::atomic<bool> done{false};
    std::atomic<int> wrong{0};
    std::thread reader{[&] {
        while (!done.load()) {
            const auto sample = samples.not_older_than(ms(0));
            if (sample && sample->at != ms(static_cast<std::int64_t>(sample->lsn.value))) ++wrong;
        }
    }};
    for (std::int64_t i = 1; i <= 3 * static_cast<std::int64_t>(Samples::kCapacity); ++i) {
        samples.add({ms(i), at(static_cast<std::uint64_t>(i))});
    }
    done = true;
    reader.join();
    CHECK(wrong == 0);
}
