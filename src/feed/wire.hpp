#pragma once
// The binary frames of GET /link/v1/feed: what a hub tells its subscribers. Sans-I/O.
//
// A frame is its length (four bytes, of what follows), its type (one byte) and its body. All
// numbers are big endian.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "feed/changes.hpp"
#include "feed/tables.hpp"
#include "position/progress.hpp"

namespace lintas::feed::wire {

inline constexpr std::uint8_t kFormat = 1;
/// Longest frame: a transaction of 2^20 keys and some.
inline constexpr std::size_t kFrameMost = std::size_t{20} << 20U;
inline constexpr std::size_t kHeader = 5;

/// The first frame. `resumes`: the stream goes on behind the position that was asked for;
/// otherwise a transfer follows: tables, stamps, transferred.
struct Hello {
    position::Lineage lineage{};
    bool resumes = false;
};
/// What is followed from now on; tables that are new get `floor`. Also later in the stream, when
/// the list changes.
struct Tables {
    position::Lsn floor{};
    std::vector<PublishedTable> tables{};
};
/// Some buckets of one table.
struct Stamps {
    std::uint32_t table = 0;
    position::Lsn newest{};
    position::Lsn floor{};
    std::uint32_t buckets = 0;  // of the whole table, a power of two
    std::uint32_t first = 0;
    std::vector<position::Lsn> ends{};
};
/// The transfer is complete: all stamps up to the watermark were in it.
struct Transferred {
    position::Lsn global_floor{};
    position::Lsn watermark{};
};
struct Watermark {
    position::Lsn lsn{};
};
struct Floor {
    position::Lsn lsn{};
};
struct Ping {
    std::uint64_t id = 0;
};
/// Answers a ping; with the hub's newest sample if it has one (lsn not 0). Its age here is at most
/// age_us + the time since the ping was sent.
struct Pong {
    std::uint64_t id = 0;
    std::uint64_t age_us = 0;
    position::Lsn lsn{};
};

using Frame =
    std::variant<Hello, Tables, Stamps, Transferred, Changes, Watermark, Floor, Ping, Pong>;

void append(std::string& out, const Hello& frame);
void append(std::string& out, const Tables& frame);
void append(std::string& out, const Stamps& frame);
void append(std::string& out, const Transferred& frame);
void append(std::string& out, const Changes& frame);
void append(std::string& out, const Watermark& frame);
void append(std::string& out, const Floor& frame);
void append(std::string& out, const Ping& frame);
void append(std::string& out, const Pong& frame);

/// Cuts a byte stream into frames. Bounded by kFrameMost and what one push() brings.
class Decoder {
 public:
    void push(std::string_view bytes);
    enum class Next {
        frame,
        more,  // push() again
        bad,   // not this protocol: give the connection up
    };
    /// `frame` keeps its memory from call to call where it can.
    Next next(Frame& frame);

 private:
    std::string buffer_;
    std::size_t read_ = 0;
};

}  // namespace lintas::feed::wire
