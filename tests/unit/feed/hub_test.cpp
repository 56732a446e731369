#include "feed/hub.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "feed/primary_look.hpp"
#include "feed/subscriber.hpp"

using namespace lintas;
using namespace lintas::feed;
using position::FeedState;
using position::History;
using position::kEndOfTime;
using position::kNoLsn;
using position::Lineage;
using position::Lsn;

TEST_CASE("hub: the stream is continuous only if nothing fell between", "[unit][feed]") {
    struct Row {
        std::string what;
        std::uint64_t watermark, flushed, confirmed;
        std::uint64_t from;
        bool continuous;
    };
    const auto row = GENERATE(values<Row>({
        {"a process that begins", 0, 500, 300, 300, false},
        {"the same process again", 400, 500, 300, 400, true},
        {"nothing happened since", 300, 500, 300, 300, true},
        {"another acknowledged what was not stamped here", 299, 500, 300, 300, false},
        {"the server has less than was seen: positions are used again", 501, 500, 300, 300, false},
        {"all that it has", 500, 500, 300, 500, true},
    }));
    INFO(row.what);
    const StreamStart start =
        stream_start(Lsn{row.watermark}, Lsn{row.flushed}, Lsn{row.confirmed});
    CHECK(start.from == Lsn{row.from});
    CHECK(start.continuous == row.continuous);
}

TEST_CASE("pulse: what the primary's answer means", "[unit][feed]") {
    const Lineage known{7, History{2, {{1, Lsn{100}}}}};
    struct Row {
        bool in_recovery;
        std::uint64_t system_id;
        position::Timeline timeline;
        Meaning meaning;
    };
    const auto row = GENERATE(values<Row>({
        {false, 7, 2, Meaning::known},
        {false, 7, 3, Meaning::new_lineage},
        {false, 8, 1, Meaning::new_lineage},
        {false, 7, 1, Meaning::deposed},
        {true, 7, 0, Meaning::in_recovery},
        {true, 8, 0, Meaning::in_recovery},
    }));
    PrimaryLook look;
    look.in_recovery = row.in_recovery;
    look.system_id = row.system_id;
    look.timeline = row.timeline;
    CHECK(meaning_of(look, known) == row.meaning);
    const bool says = row.meaning == Meaning::deposed || row.meaning == Meaning::in_recovery;
    CHECK(sentence(row.meaning, look, known).empty() != says);
    CHECK(meaning_of(look, Lineage{}) ==
          (row.in_recovery ? Meaning::in_recovery : Meaning::new_lineage));
}

TEST_CASE("pulse: a history that cannot be read never replaces one that was", "[unit][feed]") {
    const History full{2, {{1, Lsn{100}}}};
    const Lineage known{7, full};
    CHECK(lineage_from(7, 2, std::nullopt, known) == known);
    CHECK(lineage_from(7, 2, full, Lineage{7, History{2, {}}}) == known);
    CHECK(lineage_from(7, 3, std::nullopt, known) == Lineage{7, History{3, {}}});
    CHECK(lineage_from(8, 2, std::nullopt, known) == Lineage{8, History{2, {}}});
    CHECK(lineage_from(7, 3, full, known) == Lineage{7, History{3, {}}});  // of another timeline
}

TEST_CASE("link: requests", "[unit][feed]") {
    using Kind = LinkRequest::Kind;
    struct Row {
        std::string line;
        Kind kind;
        std::optional<position::Position> from;
    };
    const auto row = GENERATE(values<Row>({
        {"GET /link/v1/feed HTTP/1.1", Kind::feed, {}},
        {"GET /link/v1/feed?from=2/16/B374D848 HTTP/1.1", Kind::feed,
         position::Position{2, Lsn{0x16B374D848}}},
        {"GET /link/v1/status HTTP/1.1", Kind::status, {}},
        {"GET / HTTP/1.1", Kind::other, {}},
        {"GET /link/v1/feed/ HTTP/1.1", Kind::other, {}},
        {"POST /link/v1/feed HTTP/1.1", Kind::not_get, {}},
        {"GET /link/v1/feed?from=2 HTTP/1.1", Kind::bad, {}},
        {"GET /link/v1/feed?from=x/0/1 HTTP/1.1", Kind::bad, {}},
        {"GET /link/v1/feed?from=2/nowhere HTTP/1.1", Kind::bad, {}},
        {"GET /link/v1/feed?to=2/0/1 HTTP/1.1", Kind::bad, {}},
        {"GET /link/v1/feed", Kind::bad, {}},
        {"GET", Kind::bad, {}},
        {"", Kind::bad, {}},
        {"PRI * HTTP/2.0", Kind::bad, {}},
    }));
    INFO(row.line);
    const LinkRequest request = parse_link_request(row.line + "\r\nHost: x\r\n\r\n");
    CHECK(request.kind == row.kind);
    CHECK(request.from == row.from);
}

TEST_CASE("link: listeners are addresses with a port", "[unit][feed]") {
    CHECK(endpoint_from("127.0.0.1:8443")->port() == 8443);
    CHECK(endpoint_from("[::1]:0")->address().is_v6());
    for (const std::string text :
         {"127.0.0.1", "localhost:1", "127.0.0.1:", "127.0.0.1:70000", ""}) {
        INFO(text);
        CHECK_FALSE(endpoint_from(text));
    }
}

namespace {

/// A subscriber of cluster 7, timeline 1, that has everything up to `has`.
struct Subscriber {
    explicit Subscriber(std::uint64_t has = 0)
        : context(io, FeedOptions{}, progress,
                  FeedHooks{.on_schema_change = [this] { ++schema_changes; }}) {
        progress.change_lineage({7, History{1, {}}});
        if (has > 0) progress.restart_feed(Lsn{has}, false);
        asked = {1, Lsn{has}};
        reception = std::make_unique<Reception>(context, asked);
    }
    bool take(wire::Frame frame) { return reception->take(frame).has_value(); }
    static wire::Hello hello(bool resumes, position::Timeline timeline = 1,
                             std::uint64_t system_id = 7) {
        return {{system_id, History{timeline, {}}}, resumes};
    }
    static Changes change(std::uint64_t end, std::uint32_t table, position::KeyHash key) {
        Changes changes;
        changes.commit = {Lsn{end - 8}, Lsn{end}, 7};
        changes.rows = {{table, key}};
        return changes;
    }
    asio::io_context io{1};
    position::Progress progress;
    int schema_changes = 0;
    Context context;
    position::Position asked{};
    std::unique_ptr<Reception> reception;
};

}  // namespace

TEST_CASE("subscriber: a transfer brings the hub's stamps, floors and W", "[unit][feed]") {
    Subscriber one;
    REQUIRE(one.take(Subscriber::hello(false)));
    REQUIRE(one.take(wire::Tables{Lsn{40}, {{1, 1, 0, {"id"}}}}));
    wire::Stamps chunk{1, Lsn{90}, Lsn{50}, 1024, 0, std::vector<Lsn>(512)};
    chunk.ends[3] = Lsn{90};
    REQUIRE(one.take(chunk));
    CHECK(one.progress.stamps().table(1)->newest_of_row(3) == kNoLsn);  // half a table is none
    chunk.first = 512;
    REQUIRE(one.take(chunk));
    CHECK_FALSE(one.reception->live());
    CHECK_FALSE(one.take(wire::Watermark{Lsn{95}}));
    REQUIRE(one.take(wire::Transferred{Lsn{45}, Lsn{100}}));
    CHECK(one.reception->live());
    CHECK(one.progress.watermark() == Lsn{100});
    CHECK(one.progress.stamps().global_floor() == Lsn{45});
    const auto table = one.progress.stamps().table(1);
    CHECK(table->newest_of_row(3) == Lsn{90});
    CHECK(table->newest_of_row(515) == Lsn{90});
    CHECK(table->floor() == Lsn{50});

    REQUIRE(one.take(Subscriber::change(110, 1, 4)));
    CHECK(table->newest_of_row(4) == Lsn{110});
    CHECK(one.progress.watermark() == Lsn{110});
    REQUIRE(one.take(wire::Watermark{Lsn{120}}));
    CHECK(one.progress.watermark() == Lsn{120});
    REQUIRE(one.take(wire::Floor{Lsn{115}}));
    CHECK(one.progress.stamps().global_floor() == Lsn{115});
    CHECK(one.schema_changes == 1);
}

TEST_CASE("subscriber: what is repeated after a break is not applied twice", "[unit][feed]") {
    Subscriber one{100};
    REQUIRE(one.take(Subscriber::hello(true)));
    CHECK(one.reception->live());
    REQUIRE(one.take(Subscriber::change(90, 1, 4)));
    REQUIRE(one.take(Subscriber::change(100, 1, 4)));
    CHECK(one.progress.commits().size() == 0);
    Changes ddl = Subscriber::change(110, 1, 4);
    ddl.schema = ddl.everything = true;
    REQUIRE(one.take(ddl));
    CHECK(one.progress.commits().size() == 1);
    CHECK(one.progress.stamps().global_floor() == Lsn{110});
    CHECK(one.schema_changes == 1);
    CHECK(one.progress.breaks() == 1);  // of its own start
}

TEST_CASE("subscriber: hubs that cannot be followed", "[unit][feed]") {
    {
        Subscriber one{100};
        CHECK_FALSE(one.take(wire::Watermark{Lsn{120}}));  // no greeting
    }
    {
        Subscriber one{100};
        REQUIRE(one.take(Subscriber::hello(true)));
        CHECK_FALSE(one.take(Subscriber::hello(true)));
    }
    {
        Subscriber one{100};
        one.progress.change_lineage({7, History{2, {{1, Lsn{100}}}}});
        wire::Frame frame = Subscriber::hello(true);
        const Result<void> taken = one.reception->take(frame);
        REQUIRE_FALSE(taken);
        CHECK(taken.error().code == Errc::deposed);
    }
    {
        Subscriber one{100};
        one.progress.advance(Lsn{110});  // meanwhile
        CHECK_FALSE(one.take(Subscriber::hello(true)));
    }
    {
        Subscriber one;
        CHECK_FALSE(one.take(Subscriber::hello(true)));  // nothing to go on from
    }
    {
        Subscriber one{100};
        CHECK_FALSE(one.take(Subscriber::hello(true, 2)));  // a timeline of which nothing is known
        CHECK(one.progress.watermark() == kNoLsn);
    }
    {
        Subscriber one{100};
        REQUIRE(one.take(Subscriber::hello(true)));
        // The pulse sees a promotion before the hub does.
        one.progress.change_lineage({7, History{2, {{1, Lsn{100}}}}});
        CHECK_FALSE(one.take(Subscriber::change(110, 1, 4)));
        CHECK(one.progress.watermark() == kNoLsn);
    }
    {
        Subscriber one;
        REQUIRE(one.take(Subscriber::hello(false)));
        wire::Stamps chunk{1, Lsn{90}, Lsn{50}, 1024, 512, std::vector<Lsn>(512)};
        CHECK_FALSE(one.take(chunk));  // the first half is missing
    }
}

TEST_CASE("subscriber: a hub on a newer timeline brings its history", "[unit][feed]") {
    Subscriber one{100};
    wire::Hello hello{{7, History{2, {{1, Lsn{90}}}}}, false};
    REQUIRE(one.take(hello));
    CHECK(*one.progress.lineage().get() == hello.lineage);
    CHECK(one.progress.stamps().global_floor() == kEndOfTime);
    REQUIRE(one.take(wire::Transferred{Lsn{95}, Lsn{95}}));
    CHECK(one.progress.watermark() == Lsn{95});
}

TEST_CASE("feed: what came over the replication protocol", "[unit][feed]") {
    const std::string data = "w" + std::string(24, '\0') + "payload";
    const Result<StreamMessage> message = decode_stream_message(data);
    REQUIRE(message);
    CHECK(message->kind == StreamMessage::Kind::data);
    CHECK(message->payload == "payload");
    std::string keepalive = "k" + std::string(17, '\0');
    keepalive[8] = 5;
    keepalive[17] = 1;
    const Result<StreamMessage> alive = decode_stream_message(keepalive);
    REQUIRE(alive);
    CHECK(alive->kind == StreamMessage::Kind::keepalive);
    CHECK(alive->end == Lsn{5});
    CHECK(alive->reply_requested);
    for (const std::string& bad :
         std::vector<std::string>{std::string{}, std::string{"w"}, "k" + std::string(16, '\0'),
                                  "x" + std::string(24, '\0'), "w" + std::string(23, '\0')}) {
        CHECK_FALSE(decode_stream_message(bad));
    }
}
