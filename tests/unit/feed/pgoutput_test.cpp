#include "feed/pgoutput.hpp"

#include <catch2/catch.hpp>

#include "bytes.hpp"

using namespace lintas;
using namespace lintas::feed;
using namespace lintas::feed::pgoutput;
using position::Lsn;

namespace {

template <class T>
T as(const std::string& bytes) {
    const Result<Message> message = decode(bytes);
    REQUIRE(message);
    REQUIRE(std::holds_alternative<T>(*message));
    return std::get<T>(*message);
}

std::vector<std::string> every_message() {
    return {
        begin_message(100, 7),
        commit_message(100, 148),
        emitted_message("lintas", "ddl"),
        "O" + number(5, 8) + text("origin"),
        "Y" + number(5, 4) + text("public") + text("mood"),
        relation_message(9, 'd', {{"id", true}, {"v", false}}),
        insert_message(9, {"=1", "n", "u"}),
        update_message(9, {"=1"}),
        update_message(9, 'K', {"=1"}, {"=2"}),
        update_message(9, 'O', {"=1", "=a"}, {"=2", "u"}),
        delete_message(9, 'K', {"=1"}),
        delete_message(9, 'O', {"=1", "=a"}),
        truncate_message({9, 10}),
    };
}

}  // namespace

TEST_CASE("pgoutput: the start and the end of a commit are told apart", "[unit][feed]") {
    const auto begun = as<Begin>(begin_message(100, 7));
    CHECK(begun.commit_start == Lsn{100});
    CHECK(begun.xid == 7);
    const auto committed = as<Commit>(commit_message(100, 148));
    CHECK(committed.start == Lsn{100});
    CHECK(committed.end == Lsn{148});
}

TEST_CASE("pgoutput: rows are read column by column", "[unit][feed]") {
    const std::string bytes = insert_message(9, {"=1", "n", "u", "=", "=last"});
    const auto message = as<Insert>(bytes);
    CHECK(message.relation == 9);
    REQUIRE(message.row.columns() == 5);
    CHECK(message.row.at(0).value == "1");
    CHECK(message.row.at(1).kind == Tuple::Kind::null);
    CHECK(message.row.at(2).kind == Tuple::Kind::unchanged);
    CHECK(message.row.at(3).kind == Tuple::Kind::text);
    CHECK(message.row.at(3).value.empty());
    CHECK(message.row.at(4).value == "last");
}

TEST_CASE("pgoutput: an update tells what it sends of the old row", "[unit][feed]") {
    CHECK(as<Update>(update_message(9, {"=1"})).kind == Old::none);
    const std::string bytes = update_message(9, 'K', {"=1", "n"}, {"=2", "=b"});
    const auto key = as<Update>(bytes);
    CHECK(key.kind == Old::identity);
    CHECK(key.old.at(0).value == "1");
    CHECK(key.row.at(0).value == "2");
    CHECK(as<Update>(update_message(9, 'O', {"=1"}, {"=2"})).kind == Old::full);
    CHECK(as<Delete>(delete_message(9, 'K', {"=1"})).kind == Old::identity);
    CHECK(as<Delete>(delete_message(9, 'O', {"=1"})).kind == Old::full);
}

TEST_CASE("pgoutput: relations, truncates and what was emitted", "[unit][feed]") {
    const std::string bytes = relation_message(9, 'i', {{"id", true}, {"v", false}});
    const auto relation = as<Relation>(bytes);
    CHECK(relation.oid == 9);
    CHECK(relation.schema == "public");
    CHECK(relation.name == "t");
    CHECK(relation.replica_identity == 'i');
    std::vector<std::string> names;
    relation.for_each_column([&](std::uint16_t index, const Relation::Column& column) {
        CHECK(index == names.size());
        names.push_back(std::string{column.name} + (column.identity ? "*" : ""));
    });
    CHECK(names == std::vector<std::string>{"id*", "v"});

    const std::string truncated_bytes = truncate_message({9, 10});
    const auto truncated = as<Truncate>(truncated_bytes);
    REQUIRE(truncated.relations == 2);
    CHECK(truncated.at(0) == 9);
    CHECK(truncated.at(1) == 10);

    const std::string emitted_bytes = emitted_message("lintas", "refresh:5", false, 77);
    const auto emitted = as<Emitted>(emitted_bytes);
    CHECK_FALSE(emitted.transactional);
    CHECK(emitted.at == Lsn{77});
    CHECK(emitted.prefix == "lintas");
    CHECK(emitted.content == "refresh:5");
}

TEST_CASE("pgoutput: a message that is cut off anywhere, or has more, is refused", "[unit][feed]") {
    for (const std::string& message : every_message()) {
        INFO(message[0]);
        REQUIRE(decode(message));
        for (std::size_t size = 0; size < message.size(); ++size) {
            INFO(size);
            CHECK_FALSE(decode(std::string_view{message}.substr(0, size)));
        }
        CHECK_FALSE(decode(message + '\0'));
    }
}

TEST_CASE("pgoutput: letters that do not exist are refused", "[unit][feed]") {
    const auto bytes = GENERATE(values<std::string>({
        "X",
        "",
        "S" + number(1, 4) + number(1, 1),         // streaming was not asked for
        "I" + number(9, 4) + "K" + tuple({"=1"}),  // an insert has no old row
        "U" + number(9, 4) + "X" + tuple({"=1"}) + "N" + tuple({"=1"}),
        "U" + number(9, 4) + "K" + tuple({"=1"}) + "K" + tuple({"=1"}),
        "D" + number(9, 4) + "N" + tuple({"=1"}),
        "I" + number(9, 4) + "N" + number(1, 2) + "x",
        "I" + number(9, 4) + "N" + number(1, 2) + "t" + number(0xFFFFFFFF, 4),
        "I" + number(9, 4) + "N" + number(0xFFFF, 2) + "n",
        "T" + number(0xFFFFFFFF, 4) + number(0, 1) + number(9, 4),
    }));
    CHECK_FALSE(decode(bytes));
}
