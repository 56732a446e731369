#include "cache/memory.hpp"

#include <catch2/catch.hpp>

using namespace lintas;
using namespace lintas::cache;
using position::Lsn;

namespace {

EntryPtr entry(std::uint64_t as_of, std::size_t size = 10, position::Timeline timeline = 1) {
    position::Provenance from;
    from.timeline = timeline;
    from.as_of = Lsn{as_of};
    Reply reply;
    reply.body = Body::of(std::string(size, 'x'));
    return std::make_shared<const Entry>(make_entry(std::move(from), reply, 1));
}

}  // namespace

TEST_CASE("memory: what was put is found, by its whole key", "[unit][cache]") {
    Memory memory{1 << 20U};
    CHECK(memory.put("a", entry(1)));
    REQUIRE(memory.find("a"));
    CHECK(memory.find("a")->from.as_of == Lsn{1});
    CHECK_FALSE(memory.find("b"));
    memory.clear();
    CHECK_FALSE(memory.find("a"));
    CHECK(memory.stats().bytes == 0);
}

TEST_CASE("memory: an older answer never replaces a newer one", "[unit][cache]") {
    Memory memory{1 << 20U};
    memory.put("a", entry(5));
    CHECK_FALSE(memory.put("a", entry(4)));
    CHECK(memory.find("a")->from.as_of == Lsn{5});
    CHECK(memory.put("a", entry(6)));
    CHECK(memory.find("a")->from.as_of == Lsn{6});
    // Of another history positions cannot be compared; what comes was checked against the present.
    CHECK(memory.put("a", entry(2, 10, 2)));
}

TEST_CASE("memory: it never holds more than its bytes, and used entries stay longest",
          "[unit][cache]") {
    constexpr std::size_t kLimit = std::size_t{64} * 8192;  // 8 KiB per shard
    Memory memory{kLimit};
    for (int i = 0; i < 2000; ++i) {
        memory.put("key" + std::to_string(i), entry(1, 500));
        memory.find("key0");
    }
    CHECK(memory.stats().bytes <= kLimit);
    CHECK(memory.stats().evictions > 0);
    CHECK(memory.find("key0"));
    memory.resize(0);
    CHECK(memory.stats().entries == 0);
    CHECK_FALSE(memory.put("a", entry(1)));
}

TEST_CASE("memory: a value over a mebibyte is not kept", "[unit][cache]") {
    Memory memory{std::size_t{1} << 30U};
    CHECK(memory.put("a", entry(1, kEntryBytesMax)));
    CHECK_FALSE(memory.put("b", entry(1, kEntryBytesMax + 1)));
}
