#include "feed/wire.hpp"

#include <catch2/catch.hpp>

#include "bytes.hpp"
#include "feed/ring.hpp"

using namespace lintas::feed;
using namespace lintas::feed::wire;
using lintas::position::Lsn;

namespace {

template <class T>
T there_and_back(const T& frame) {
    std::string bytes;
    append(bytes, frame);
    Decoder decoder;
    Frame decoded;
    // Byte by byte: nothing may come out early.
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        decoder.push(std::string_view{bytes}.substr(i, 1));
        REQUIRE(decoder.next(decoded) == Decoder::Next::more);
    }
    decoder.push(std::string_view{bytes}.substr(bytes.size() - 1));
    REQUIRE(decoder.next(decoded) == Decoder::Next::frame);
    REQUIRE(decoder.next(decoded) == Decoder::Next::more);
    REQUIRE(std::holds_alternative<T>(decoded));
    return std::get<T>(decoded);
}

Decoder::Next decode(const std::string& body) {
    Decoder decoder;
    decoder.push(number(body.size(), 4) + body);
    Frame frame;
    return decoder.next(frame);
}

}  // namespace

TEST_CASE("wire: every frame comes back as it was sent", "[unit][feed]") {
    Hello hello;
    hello.lineage = {42, lintas::position::History{3, {{1, Lsn{100}}, {2, Lsn{200}}}}};
    hello.resumes = GENERATE(true, false);
    const Hello greeted = there_and_back(hello);
    CHECK(greeted.lineage == hello.lineage);
    CHECK(greeted.resumes == hello.resumes);

    const Tables tables{Lsn{5}, {{1, 1, 1000, {"id"}}, {11, 10, 0, {"a", ""}}, {3, 3, 0, {}}}};
    const Tables listed = there_and_back(tables);
    CHECK(listed.floor == Lsn{5});
    REQUIRE(listed.tables.size() == 3);
    CHECK(listed.tables[1].root == 10);
    CHECK(listed.tables[1].key == std::vector<std::string>{"a", ""});
    CHECK(listed.tables[0].rows == 1000);

    const Stamps stamps{7, Lsn{9}, Lsn{8}, 1024, 1022, {Lsn{1}, Lsn{2}}};
    const Stamps stamped = there_and_back(stamps);
    CHECK(stamped.table == 7);
    CHECK(stamped.newest == Lsn{9});
    CHECK(stamped.floor == Lsn{8});
    CHECK(stamped.first == 1022);
    CHECK(stamped.ends == stamps.ends);

    const Transferred done = there_and_back(Transferred{Lsn{3}, Lsn{4}});
    CHECK(done.global_floor == Lsn{3});
    CHECK(done.watermark == Lsn{4});
    CHECK(there_and_back(Watermark{Lsn{5}}).lsn == Lsn{5});
    CHECK(there_and_back(Floor{Lsn{6}}).lsn == Lsn{6});
    CHECK(there_and_back(Ping{77}).id == 77);
    const Pong pong = there_and_back(Pong{77, 1500, Lsn{9}});
    CHECK(pong.id == 77);
    CHECK(pong.age_us == 1500);
    CHECK(pong.lsn == Lsn{9});
}

TEST_CASE("wire: a transaction's rows are sent in runs of one table", "[unit][feed]") {
    Changes changes;
    changes.commit = {Lsn{100}, Lsn{148}, 7};
    changes.rows = {{1, 5}, {1, 6}, {2, 5}, {1, 7}};
    changes.tables = {3, 4};
    changes.everything = true;
    changes.schema = GENERATE(true, false);
    const Changes back = there_and_back(changes);
    CHECK(back.commit.start == Lsn{100});
    CHECK(back.commit.end == Lsn{148});
    CHECK(back.commit.xid == 7);
    REQUIRE(back.rows.size() == 4);
    CHECK(back.rows[2].table == 2);
    CHECK(back.rows[3].key == 7);
    CHECK(back.tables == changes.tables);
    CHECK(back.everything);
    CHECK(back.schema == changes.schema);
    std::string bytes;
    append(bytes, Changes{});
    changes = {};
    for (std::uint64_t i = 0; i < 1000; ++i) changes.rows.push_back({1, i});
    const std::size_t empty = bytes.size();
    append(bytes, changes);
    CHECK(bytes.size() < 2 * empty + 8 + 8 * 1000 + 1);
}

TEST_CASE("wire: frames that nobody sends are refused, and cost no memory", "[unit][feed]") {
    CHECK(decode("") == Decoder::Next::bad);
    CHECK(decode(std::string(1, 99)) == Decoder::Next::bad);
    CHECK(decode("\x06" + number(1, 7)) == Decoder::Next::bad);
    CHECK(decode("\x06" + number(1, 9)) == Decoder::Next::bad);
    CHECK(decode("\x06" + number(1, 8)) == Decoder::Next::frame);
    // Counts of what is not there.
    CHECK(decode("\x02" + number(1, 8) + number(0xFFFFFFFF, 4)) == Decoder::Next::bad);
    CHECK(decode("\x05" + number(1, 8) + number(2, 8) + number(3, 4) + number(0, 1) +
                 number(0xFFFFFFFF, 4)) == Decoder::Next::bad);
    CHECK(decode("\x02" + number(1, 8) + number(1, 4) + number(1, 4) + number(1, 4) + number(0, 8) +
                 number(33, 4) + std::string(200, '\0')) == Decoder::Next::bad);
    // Another format.
    CHECK(decode("\x01\x02" + number(1, 8) + number(1, 4) + number(0, 4) + number(0, 1)) ==
          Decoder::Next::bad);
    // Buckets: a power of two, not too many, and inside of the table.
    const auto stamps = [](std::uint32_t buckets, std::uint32_t first) {
        return decode("\x03" + number(1, 4) + number(1, 8) + number(1, 8) + number(buckets, 4) +
                      number(first, 4) + number(1, 4) + number(9, 8));
    };
    CHECK(stamps(1024, 1023) == Decoder::Next::frame);
    CHECK(stamps(1024, 1024) == Decoder::Next::bad);
    CHECK(stamps(1000, 0) == Decoder::Next::bad);
    CHECK(stamps(0, 0) == Decoder::Next::bad);
    CHECK(stamps(1U << 21U, 0) == Decoder::Next::bad);
    // A frame that claims to be endless.
    Decoder decoder;
    decoder.push("\xFF\xFF\xFF\xFF");
    Frame frame;
    CHECK(decoder.next(frame) == Decoder::Next::bad);
}

TEST_CASE("ring: a reader gets everything that it lacks, and perhaps something twice",
          "[unit][feed]") {
    Ring ring{std::size_t{1} << 20U};
    ring.restart(Lsn{100});
    CHECK(ring.find(Lsn{100}));
    CHECK_FALSE(ring.find(Lsn{99}));
    CHECK_FALSE(ring.find(Lsn{101}));
    ring.append("floor;", lintas::position::kNoLsn);
    ring.append("a;", Lsn{110});
    ring.append("b;", Lsn{120});
    const auto rest = [&](Lsn has) {
        auto place = ring.find(has);
        REQUIRE(place);
        std::string got;
        for (;;) {
            const auto piece = ring.read(*place);
            REQUIRE(piece);
            if (piece->bytes.empty()) return got;
            got += piece->bytes;
        }
    };
    CHECK(rest(Lsn{100}) == "floor;a;b;");
    CHECK(rest(Lsn{110}) == "floor;a;b;");
    CHECK(rest(Lsn{120}) == "floor;a;b;");  // a floor may have come since
    auto place = ring.end();
    ring.append("c;", Lsn{130});
    CHECK(ring.read(place)->bytes == "c;");
    CHECK(ring.read(place)->bytes.empty());
}

TEST_CASE("ring: a floor that came behind a reader's last commit is not lost between two blocks",
          "[unit][feed]") {
    Ring ring{std::size_t{1} << 20U};
    ring.restart(Lsn{0});
    ring.append(std::string(60'000, 'x'), Lsn{10});
    ring.append("floor;", lintas::position::kNoLsn);
    ring.append(std::string(60'000, 'y'), Lsn{20});  // does not fit any more: another block
    auto place = ring.find(Lsn{10});
    REQUIRE(place);
    const auto piece = ring.read(*place);
    REQUIRE(piece);
    CHECK(piece->bytes.ends_with("floor;"));
}

TEST_CASE("ring: what is older than its size is forgotten", "[unit][feed]") {
    Ring ring{std::size_t{256} << 10U};
    ring.restart(Lsn{0});
    const std::string frame(10'000, 'x');
    auto slow = ring.end();
    auto fast = ring.end();
    std::size_t got = 0;
    for (std::uint64_t i = 1; i <= 100; ++i) {
        ring.append(frame, Lsn{i});
        for (;;) {
            const auto piece = ring.read(fast);
            REQUIRE(piece);
            if (piece->bytes.empty()) break;
            got += piece->bytes.size();
        }
        CHECK(ring.bytes() <= std::size_t{256} << 10U);
    }
    CHECK(got == 100 * frame.size());
    CHECK_FALSE(ring.still_has(slow));
    CHECK_FALSE(ring.read(slow));
    CHECK_FALSE(ring.find(Lsn{0}));
    CHECK_FALSE(ring.find(Lsn{50}));
    CHECK(ring.find(Lsn{95}));
    // A frame larger than all of it is still handed on.
    ring.append(std::string(std::size_t{1} << 20U, 'y'), Lsn{101});
    CHECK(ring.read(fast)->bytes.size() == std::size_t{1} << 20U);
    ring.restart(Lsn{7});
    CHECK_FALSE(ring.read(fast));
    CHECK(ring.bytes() == 0);
}
