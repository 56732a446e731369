#include "feed/tables.hpp"

#include <catch2/catch.hpp>

using namespace lintas::feed;
using lintas::position::Lsn;
using lintas::position::Snapshot;

namespace {

TableLook look(std::vector<PublishedTable> tables, std::uint64_t xmin, std::uint64_t xmax) {
    TableLook made;
    made.tables = std::move(tables);
    made.before = made.after = Snapshot{xmin, xmax, {}};
    return made;
}

std::vector<std::uint32_t> followed(const TableBook& book) {
    std::vector<std::uint32_t> oids;
    for (const auto& table : book.followed()) oids.push_back(table.oid);
    return oids;
}
using Oids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("tables: a table is followed when nobody can have changed it unseen", "[unit][feed]") {
    TableBook book;
    // A transaction (10) that is open at the first look may have written before it was published.
    TableBook::Taken taken = book.take(look({{1, 1, 0, {"id"}}}, 10, 20));
    CHECK(taken.pending);
    CHECK_FALSE(taken.followed);
    CHECK(followed(book).empty());
    CHECK(book.find(1) != nullptr);  // its relation is known, only stamps are not trusted
    taken = book.take(look({{1, 1, 0, {"id"}}}, 19, 30));
    CHECK(taken.pending);
    taken = book.take(look({{1, 1, 0, {"id"}}}, 20, 40));
    CHECK_FALSE(taken.pending);
    CHECK(taken.followed);
    CHECK_FALSE(taken.changed);
    CHECK(followed(book) == Oids{1});
    taken = book.take(look({{1, 1, 0, {"id"}}}, 20, 40));
    CHECK_FALSE((taken.followed || taken.changed || taken.pending));
}

TEST_CASE("tables: nothing is open, so all are followed at once", "[unit][feed]") {
    TableBook book;
    CHECK(book.take(look({{1, 1, 0, {"id"}}, {2, 2, 0, {}}}, 20, 20)).followed);
    CHECK(followed(book) == Oids{1, 2});
}

TEST_CASE("tables: what becomes of a table that was followed", "[unit][feed]") {
    const std::vector<PublishedTable> before{
        {1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}};
    struct Row {
        std::string what;
        std::vector<PublishedTable> after;
        bool changed;
        bool followed;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"nothing", before, false, false},
        {"a new one",
         {{1, 1, 0, {"id"}}, {2, 2, 0, {}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}},
         false,
         true},
        {"one less", {{11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}}, true, true},
        {"another key",
         {{1, 1, 0, {"v"}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}},
         true,
         false},
        {"a partition more",
         {{1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}, {13, 10, 0, {"id"}}},
         true,
         false},
        {"a partition less", {{1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}}, true, false},
        {"a partition on its own",
         {{1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}, {12, 12, 100, {"id"}}},
         true,
         true},
        {"a table became a partition",
         {{1, 10, 0, {"id"}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}},
         true,
         true},
        {"more rows",
         {{1, 1, 1e5, {"id"}}, {11, 10, 100, {"id"}}, {12, 10, 100, {"id"}}},
         false,
         true},
        {"fewer rows", {{1, 1, 0, {"id"}}, {11, 10, 0, {"id"}}, {12, 10, 0, {"id"}}}, false, false},
    }));
    INFO(row.what);
    TableBook book;
    REQUIRE(book.take(look(before, 20, 20)).followed);
    const TableBook::Taken taken = book.take(look(row.after, 30, 30));
    CHECK(taken.changed == row.changed);
    CHECK(taken.followed == row.followed);
}

TEST_CASE("tables: partitions count together, under their root", "[unit][feed]") {
    TableBook book;
    book.take(look({{11, 10, 1000, {"id"}}, {12, 10, 3000, {"id"}}}, 20, 20));
    REQUIRE(book.followed().size() == 1);
    CHECK(book.followed()[0].oid == 10);
    CHECK(book.followed()[0].rows == 4000);
    CHECK(book.find(12)->root == 10);
    CHECK(book.find(10) == nullptr);
    CHECK(book.followed_members().size() == 2);
}

TEST_CASE("tables: a hub that takes over knows what its predecessor followed", "[unit][feed]") {
    TableBook book;
    book.replace({{1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}});
    CHECK(followed(book) == Oids{1, 10});
    const TableBook::Taken taken =
        book.take(look({{1, 1, 0, {"id"}}, {11, 10, 100, {"id"}}}, 5, 9));
    CHECK_FALSE((taken.changed || taken.followed || taken.pending));
    book.clear();
    CHECK(book.empty());
}
