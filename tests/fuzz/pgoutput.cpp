// Messages of the logical decoding plugin, each with two bytes of length in front, as one stream:
// what the server could send, and what it never does.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "feed/changes.hpp"
#include "feed/replication.hpp"

namespace {

using namespace lintas;
using namespace lintas::feed;

void require(bool condition) {
    if (!condition) std::abort();
}

/// Looks at every byte that a decoded message points to.
std::size_t touch(const pgoutput::Tuple& tuple) {
    std::size_t sum = 0;
    for (std::uint16_t i = 0; i < tuple.columns() && i < 64; ++i) {
        for (const char c : tuple.at(i).value) sum += static_cast<unsigned char>(c);
    }
    return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    TableBook book;
    book.replace({{1, 1, 0, {"id"}}, {2, 2, 0, {"b", "a"}}, {11, 10, 0, {"id"}}});
    Transactions transactions{book, 16};
    bool followed = true;
    while (rest.size() > 2) {
        const std::size_t length =
            static_cast<unsigned char>(rest[0]) * 256U + static_cast<unsigned char>(rest[1]);
        const std::string_view message = rest.substr(2, length);
        rest.remove_prefix(2 + message.size());
        const Result<pgoutput::Message> decoded = pgoutput::decode(message);
        if (decoded) {
            if (const auto* insert = std::get_if<pgoutput::Insert>(&*decoded)) touch(insert->row);
            if (const auto* update = std::get_if<pgoutput::Update>(&*decoded)) {
                touch(update->old);
                touch(update->row);
            }
        }
        static_cast<void>(decode_stream_message(message));
        if (!followed) continue;
        const Result<Transactions::Step> step = transactions.take(message);
        require(decoded || !step);
        followed = step.has_value();
        if (followed && *step == Transactions::Step::commit) {
            const Changes& changes = transactions.changes();
            require(changes.rows.size() <= 16);
            require(changes.commit.start < changes.commit.end);
        }
    }
    return 0;
}
