#include "feed/changes.hpp"

#include <catch2/catch.hpp>

#include "bytes.hpp"

using namespace lintas;
using namespace lintas::feed;
using position::KeyHash;
using position::Lsn;
using Step = Transactions::Step;

namespace {

KeyHash key(std::initializer_list<std::string_view> values) {
    position::KeyHasher hasher;
    for (const std::string_view value : values) hasher.add(value);
    return hasher.hash();
}

/// 1: t(id); 2: c(b, a) as its key, columns a, b; 11 and 12: partitions of 10(r, id); 3: no key.
struct Stream {
    explicit Stream(std::size_t keys_most = 1000) : transactions(book, keys_most) {
        book.replace({{1, 1, 0, {"id"}},
                      {2, 2, 0, {"b", "a"}},
                      {3, 3, 0, {}},
                      {11, 10, 0, {"r", "id"}},
                      {12, 10, 0, {"r", "id"}}});
        say(relation_message(1, 'd', {{"id", true}, {"v", false}}));
        say(relation_message(2, 'd', {{"a", true}, {"b", true}}));
        say(relation_message(3, 'f', {{"v", true}}));
        say(relation_message(11, 'd', {{"id", true}, {"r", true}, {"v", false}}));
        say(relation_message(12, 'd', {{"v", false}, {"r", true}, {"id", true}}));
    }
    Step say(const std::string& message) {
        const Result<Step> step = transactions.take(message);
        REQUIRE(step);
        return *step;
    }
    /// One transaction of these messages.
    const Changes& transaction(const std::vector<std::string>& messages) {
        CHECK(say(begin_message(100, 7)) == Step::none);
        CHECK(transactions.inside());
        for (const std::string& message : messages) CHECK(say(message) == Step::none);
        CHECK(say(commit_message(100, 148)) == Step::commit);
        CHECK_FALSE(transactions.inside());
        return transactions.changes();
    }
    TableBook book;
    Transactions transactions;
};

using Rows = std::vector<std::pair<std::uint32_t, KeyHash>>;
Rows rows(const Changes& changes) {
    Rows list;
    for (const Changes::Row& row : changes.rows) list.emplace_back(row.table, row.key);
    return list;
}
using Oids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("changes: a commit has its start, its end and its top-level xid", "[unit][feed]") {
    Stream stream;
    const Changes& changes = stream.transaction({insert_message(1, {"=5", "=x"})});
    CHECK(changes.commit.start == Lsn{100});
    CHECK(changes.commit.end == Lsn{148});
    CHECK(changes.commit.xid == 7);
    CHECK(rows(changes) == Rows{{1, key({"5"})}});
    CHECK(changes.tables.empty());
    CHECK_FALSE(changes.everything);
    // The next one begins with nothing.
    CHECK(stream.transaction({}).rows.empty());
}

TEST_CASE("changes: which rows are stamped", "[unit][feed]") {
    struct Row {
        std::string message;
        Rows rows;
        Oids tables;
    };
    const auto row = GENERATE(values<Row>({
        {insert_message(2, {"=x", "=1"}), {{2, key({"1", "x"})}}, {}},  // in key order
        {insert_message(11, {"=4", "=1", "=v"}), {{10, key({"1", "4"})}}, {}},
        {insert_message(12, {"=v", "=1", "=4"}), {{10, key({"1", "4"})}}, {}},
        {update_message(1, {"=5", "=y"}), {{1, key({"5"})}}, {}},
        {update_message(1, 'K', {"=5", "n"}, {"=6", "=y"}), {{1, key({"5"})}, {1, key({"6"})}}, {}},
        {update_message(1, 'O', {"=5", "=x"}, {"=5", "=y"}),
         {{1, key({"5"})}, {1, key({"5"})}},
         {}},
        {delete_message(1, 'K', {"=5", "n"}), {{1, key({"5"})}}, {}},
        // A large key that did not change is not sent, but for the old row.
        {update_message(1, 'K', {"=5", "n"}, {"u", "=y"}), {{1, key({"5"})}, {1, key({"5"})}}, {}},
        {update_message(1, {"u", "=y"}), {}, {1}},
        {insert_message(1, {"n", "=y"}), {}, {1}},
        {insert_message(2, {"=x", "n"}), {}, {2}},
        {insert_message(2, {"=x"}), {}, {2}},  // fewer columns than were described
        {insert_message(3, {"=x"}), {}, {3}},  // no key
        {truncate_message({1, 11}), {}, {1, 10}},
        {emitted_message("lintas", "refresh:77"), {}, {77}},
        {emitted_message("lintas", "heartbeat"), {}, {}},
        {emitted_message("other", "ddl"), {}, {}},
    }));
    Stream stream;
    const Changes& changes = stream.transaction({row.message});
    CHECK(rows(changes) == row.rows);
    CHECK(changes.tables == row.tables);
    CHECK_FALSE(changes.everything);
    CHECK_FALSE(changes.schema);
}

TEST_CASE("changes: an identity that is not the key cannot say which row was updated",
          "[unit][feed]") {
    Stream stream;
    stream.say(relation_message(1, 'i', {{"id", false}, {"v", true}}));  // USING INDEX on v
    CHECK(stream.transaction({update_message(1, {"=5", "=y"})}).tables == Oids{1});
    CHECK(stream.transaction({update_message(1, 'K', {"n", "=x"}, {"=5", "=y"})}).tables ==
          Oids{1});
    CHECK(stream.transaction({delete_message(1, 'K', {"n", "=x"})}).tables == Oids{1});
    CHECK(rows(stream.transaction({insert_message(1, {"=5", "=y"})})) == Rows{{1, key({"5"})}});
    // The identity's index holds the key too.
    stream.say(relation_message(1, 'i', {{"id", true}, {"v", true}}));
    CHECK(stream.transaction({update_message(1, {"=5", "=y"})}).tables.empty());
}

TEST_CASE("changes: a key column that is not published makes every change one of the table",
          "[unit][feed]") {
    Stream stream;
    stream.say(relation_message(2, 'd', {{"a", true}}));
    CHECK(stream.transaction({insert_message(2, {"=x"})}).tables == Oids{2});
}

TEST_CASE("changes: DDL and relations that nobody knows raise the global floor", "[unit][feed]") {
    Stream stream;
    const Changes& ddl = stream.transaction({emitted_message("lintas", "ddl")});
    CHECK(ddl.everything);
    CHECK(ddl.schema);
    CHECK_FALSE(stream.transactions.unknown_relation());
    stream.say(relation_message(99, 'd', {{"id", true}}));
    const Changes& unknown = stream.transaction({insert_message(99, {"=1"})});
    CHECK(unknown.everything);
    CHECK_FALSE(unknown.schema);
    CHECK(stream.transactions.unknown_relation());
    CHECK_FALSE(stream.transactions.unknown_relation());  // told once
    CHECK(stream.transaction({truncate_message({99})}).everything);
    CHECK(stream.transaction({insert_message(98, {"=1"})}).everything);  // not even described
    CHECK(stream.transaction({emitted_message("lintas", "refresh:x")}).everything);
    // Once the catalogue was read it is a table like others.
    stream.book.replace({{99, 99, 0, {"id"}}});
    stream.transactions.tables_changed();
    CHECK(rows(stream.transaction({insert_message(99, {"=1"})})) == Rows{{99, key({"1"})}});
    CHECK(stream.transaction({insert_message(1, {"=1", "n"})}).everything);  // and 1 is none more
}

TEST_CASE("changes: a transaction of too many keys stamps its tables", "[unit][feed]") {
    Stream stream{3};
    std::vector<std::string> messages;
    for (int i = 0; i < 3; ++i)
        messages.push_back(insert_message(1, {"=" + std::to_string(i), "n"}));
    CHECK(stream.transaction(messages).rows.size() == 3);
    messages.push_back(insert_message(2, {"=x", "=1"}));
    messages.push_back(insert_message(11, {"=x", "=1", "n"}));
    const Changes& changes = stream.transaction(messages);
    CHECK(changes.rows.empty());
    CHECK(changes.tables == Oids{1, 2, 10});
    CHECK(stream.transaction({insert_message(1, {"=1", "n"})}).rows.size() == 1);
}

TEST_CASE("changes: what was emitted outside of a transaction counts at once", "[unit][feed]") {
    Stream stream;
    CHECK(stream.say(emitted_message("lintas", "heartbeat", false, 60)) == Step::none);
    CHECK(stream.say(emitted_message("other", "ddl", false, 60)) == Step::none);
    CHECK(stream.say(emitted_message("lintas", "ddl", false, 60)) == Step::outside);
    CHECK(stream.transactions.changes().commit.end == Lsn{60});
    CHECK(stream.transactions.changes().schema);
    CHECK(stream.transaction({emitted_message("lintas", "ddl", false, 60)}).everything);
}

TEST_CASE("changes: a stream out of order cannot be followed", "[unit][feed]") {
    Stream stream;
    CHECK_FALSE(stream.transactions.take(insert_message(1, {"=1", "n"})));
    CHECK_FALSE(stream.transactions.take(commit_message(100, 148)));
    stream.say(begin_message(100, 7));
    CHECK_FALSE(stream.transactions.take(begin_message(100, 7)));
    CHECK_FALSE(stream.transactions.take(commit_message(148, 148)));  // START for END
    stream.transactions.restart();
    CHECK_FALSE(stream.transactions.inside());
}

TEST_CASE("changes: stamps come before the commit, and W last", "[unit][feed]") {
    Stream stream;
    position::Progress progress;
    progress.change_lineage({7, position::History{1, {}}});
    progress.restart_feed(Lsn{10}, false);
    progress.stamps().follow({{1, 0}, {2, 0}}, Lsn{10});
    const Changes& changes = stream.transaction(
        {insert_message(1, {"=5", "=x"}), truncate_message({2}), emitted_message("lintas", "ddl")});
    stamp_rows(changes, progress, 0, 1000);
    CHECK(progress.stamps().table(1)->newest() == Lsn{148});
    CHECK(progress.watermark() == Lsn{10});
    finish(changes, progress);
    CHECK(progress.stamps().table(2)->floor() == Lsn{148});
    CHECK(progress.stamps().global_floor() == Lsn{148});
    CHECK(progress.commits().size() == 1);
    CHECK(progress.watermark() == Lsn{148});
}
