#include "accept/request_reader.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstring>
#include <limits>

#include "base/assert.hpp"

namespace lintas::accept {

namespace http = boost::beast::http;
using boost::beast::error_code;

namespace {

constexpr std::size_t kFirstCapacity = 16 * 1024;
constexpr std::size_t kKeptCapacity = 64 * 1024;
constexpr std::size_t kRoomMin = 2 * 1024;
constexpr std::size_t kGrowthMax = 256 * 1024;
constexpr std::size_t kHeadersMax = 128;
constexpr std::size_t kRequestLineExtra = 64;  // method, version and blanks around the target
constexpr std::size_t kChunkLineMax = 256;     // size and extensions, which are ignored
constexpr unsigned kEmptyLinesMax = 4;         // RFC 9112 section 2.2 wants at least one ignored

constexpr std::size_t kTooLong = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kBareLineFeed = kTooLong - 1;

std::string_view std_view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

bool starts_with_word(std::string_view text, std::string_view lower_word) {
    return text.size() >= lower_word.size() &&
           header_name_equal(text.substr(0, lower_word.size()), lower_word);
}

bool host_is_valid(std::string_view host) {
    return std::ranges::none_of(host, [](char c) {
        return static_cast<unsigned char>(c) <= ' ' || c == '/' || c == '?' || c == '#' ||
               c == '@' || c == ',' || c == '\\';
    });
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

/// Sees one head that is known to be complete, so it always runs over it in one go. Beast decides
/// the grammar; the stricter rules against request smuggling are added here.
class RequestReader::HeadParser final : public http::basic_parser<true> {
 public:
    explicit HeadParser(RequestReader& reader) : reader_{reader} {
        header_limit(std::numeric_limits<std::uint32_t>::max());
        skip(true);  // bodies are framed by the reader
    }

    std::string_view problem;  // what Beast's own error code cannot say
    int problem_status = 0;
    bool too_many = false;
    bool has_host = false;
    bool has_length = false;
    bool has_encoding = false;
    std::uint64_t length = 0;

 private:
    void refuse(std::string_view why, error_code& ec, int status = 0) {
        problem = why;
        problem_status = status;
        ec = http::error::bad_field;
    }

    void on_request_impl(http::verb, boost::beast::string_view method,
                         boost::beast::string_view target, int version, error_code&) override {
        reader_.request_.method = std_view(method);
        reader_.request_.target = std_view(target);
        reader_.version_ = version;
    }

    void on_field_impl(http::field field, boost::beast::string_view name,
                       boost::beast::string_view value, error_code& ec) override {
        const HeaderView header{std_view(name), std_view(value)};
        if (reader_.headers_.size() == kHeadersMax) {
            too_many = true;
            ec = http::error::header_limit;
            return;
        }
        reader_.headers_.push_back(header);
        switch (field) {
            case http::field::host:
                if (has_host) return refuse("more than one Host", ec);
                if (!host_is_valid(header.value)) return refuse("the value of Host", ec);
                has_host = true;
                break;
            case http::field::content_length:
                on_content_length(header.value, ec);
                break;
            case http::field::transfer_encoding:
                if (has_encoding) return refuse("more than one Transfer-Encoding", ec);
                has_encoding = true;
                if (!header_name_equal(header.value, "chunked"))
                    refuse("a Transfer-Encoding other than chunked", ec, 501);
                break;
            case http::field::expect:
                if (!header_name_equal(header.value, "100-continue"))
                    return refuse("an expectation other than 100-continue", ec, 417);
                reader_.expects_continue_ = true;
                break;
            default:
                break;
        }
    }

    /// Stricter than Beast, which takes lists of equal numbers: proxies disagree about those. Two
    /// fields that differ do not come here.
    void on_content_length(std::string_view value, error_code& ec) {
        std::uint64_t parsed = 0;
        if (value.empty() || value.size() > 18) return refuse("the value of Content-Length", ec);
        for (const char c : value) {
            if (c < '0' || c > '9') return refuse("the value of Content-Length", ec);
            parsed = parsed * 10 + static_cast<std::uint64_t>(c - '0');
        }
        has_length = true;
        length = parsed;
    }

    void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(boost::beast::string_view, error_code&) override { return 0; }
    void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view, error_code&) override {
        return 0;
    }
    void on_finish_impl(error_code&) override {}

    RequestReader& reader_;
};

RequestReader::RequestReader(const ServerLimits& limits)
    : header_bytes_{limits.header_bytes},
      target_bytes_{limits.target_bytes},
      body_bytes_{limits.body_bytes} {
    headers_.reserve(32);
}

// ---- the buffer ----

std::span<char> RequestReader::prepare() {
    if (message_size_ > 0) {
        begin_ += message_size_;
        start_message();
    }
    if (begin_ == end_) begin_ = end_ = 0;

    std::size_t room_wanted = kRoomMin;
    if (state_ == State::sized_body) {
        const std::size_t missing = head_size_ + body_size_ - available();
        room_wanted = std::max(room_wanted, std::min(missing, std::max(available(), kRoomMin)));
        room_wanted = std::min(room_wanted, kGrowthMax);
    }
    if (capacity_ - end_ < room_wanted) {
        const std::size_t decoded_end = head_size_ + body_size_;
        if (chunked_ && raw_ > decoded_end) {  // close the gap that decoding in place left
            std::memmove(message() + decoded_end, message() + raw_, available() - raw_);
            end_ -= raw_ - decoded_end;
            raw_ = decoded_end;
        }
        if (capacity_ - available() >= room_wanted) {
            if (begin_ > 0) move_message(buffer_.get(), 0);
        } else {
            const std::size_t grown =
                std::max(kFirstCapacity, std::max(capacity_ * 2, available() + room_wanted));
            auto larger = std::make_unique_for_overwrite<char[]>(grown);
            move_message(larger.get(), 0);
            buffer_ = std::move(larger);
            capacity_ = grown;
        }
    }
    return {buffer_.get() + end_, capacity_ - end_};
}

void RequestReader::commit(std::size_t n) {
    LINTAS_ASSERT(n <= capacity_ - end_);
    end_ += n;
}

void RequestReader::move_message(char* to, std::size_t to_begin) {
    const std::size_t size = available();
    char* const target = to + to_begin;
    const char* const source = buffer_ ? message() : target;
    const auto moved = [&](std::string_view view) {
        return view.data() ? std::string_view{target + (view.data() - source), view.size()} : view;
    };
    if (state_ != State::head) {  // the head was parsed: its views move along
        request_.method = moved(request_.method);
        request_.target = moved(request_.target);
        for (HeaderView& header : headers_) {
            header.name = moved(header.name);
            header.value = moved(header.value);
        }
    }
    if (size > 0) std::memmove(target, source, size);
    begin_ = to_begin;
    end_ = to_begin + size;
}

void RequestReader::reset() {
    begin_ = end_ = 0;
    start_message();
    empty_lines_ = 0;
    if (capacity_ > kKeptCapacity) {
        buffer_.reset();
        capacity_ = 0;
    }
    request_.peer = {};
    error_status_ = 0;
}

void RequestReader::start_message() {
    state_ = State::head;
    line_ = scanned_ = request_line_ = head_size_ = body_size_ = raw_ = 0;
    trailer_bytes_ = 0;
    chunk_left_ = 0;
    message_size_ = 0;
    empty_lines_ = 0;
    chunked_ = expects_continue_ = false;
    headers_.clear();
}

RequestReader::Waiting RequestReader::waiting() const {
    if (state_ == State::head) return has_more() ? Waiting::head : Waiting::nothing;
    return message_size_ > 0 ? Waiting::nothing : Waiting::body;
}

bool RequestReader::take_continue() {
    // A client that has begun with the body does not wait (RFC 9110 section 10.1.1).
    if (!expects_continue_ || waiting() != Waiting::body || available() > head_size_) return false;
    expects_continue_ = false;
    return true;
}

// ---- messages ----

RequestReader::Step RequestReader::next() {
    if (message_size_ > 0) {
        begin_ += message_size_;
        start_message();
    }
    switch (state_) {
        case State::failed:
            return Step::error;
        case State::head:
            return find_head_end();
        case State::sized_body:
            if (available() < head_size_ + body_size_) return Step::need_more;
            return complete(head_size_ + body_size_);
        default:
            return read_chunks();
    }
}

RequestReader::Step RequestReader::fail(Errc code, std::string_view why, int status) {
    state_ = State::failed;
    switch (code) {
        case Errc::bad_http:
            error_.message = "The request is not valid HTTP/1.1";
            break;
        case Errc::target_too_long:
            error_.message = "The request target is too long";
            break;
        case Errc::headers_too_large:
            error_.message = "The request headers are too large";
            break;
        default:
            error_.message = "The request body is too large";
            break;
    }
    error_.code = code;
    error_.details = why;
    error_status_ = status;
    return Step::error;
}

/// Line by line, so that what no parser may see (bare line feeds, folded lines) and what is too
/// long is refused at once and at the same byte however the bytes came.
RequestReader::Step RequestReader::find_head_end() {
    for (;;) {
        const std::size_t limit =
            request_line_ == 0 ? target_bytes_ + kRequestLineExtra : request_line_ + header_bytes_;
        const std::size_t window = std::min(available(), limit);
        const char* const bytes = message();
        const void* const found =
            window > scanned_ ? std::memchr(bytes + scanned_, '\n', window - scanned_) : nullptr;
        if (found == nullptr) {
            scanned_ = window;
            if (window < limit) return Step::need_more;
            if (request_line_ == 0) return fail(Errc::target_too_long, "limits.target_bytes");
            return fail(Errc::headers_too_large, "limits.header_bytes");
        }
        const auto feed = static_cast<std::size_t>(static_cast<const char*>(found) - bytes);
        if (feed == line_ || bytes[feed - 1] != '\r') return fail_http("a line feed without CR");
        const bool empty = feed - line_ == 1;
        if (empty && request_line_ == 0) {
            if (++empty_lines_ > kEmptyLinesMax) return fail_http("empty lines");
            begin_ += 2;
            line_ = scanned_ = 0;
            continue;
        }
        if (request_line_ > 0 && (bytes[line_] == ' ' || bytes[line_] == '\t'))
            return fail_http("a folded header line");
        line_ = scanned_ = feed + 1;
        if (request_line_ == 0) request_line_ = line_;
        if (empty) {
            head_size_ = line_;
            return parse_head();
        }
    }
}

RequestReader::Step RequestReader::parse_head() {
    HeadParser parser{*this};
    error_code ec;
    parser.put(boost::asio::const_buffer{message(), head_size_}, ec);
    if (parser.too_many) return fail(Errc::headers_too_large, "more than 128 header fields");
    if (!parser.problem.empty()) return fail_http(parser.problem, parser.problem_status);
    if (ec) return fail_http(ec.message());
    if (request_.target.size() > target_bytes_)
        return fail(Errc::target_too_long, "limits.target_bytes");
    if (version_ == 11 && !parser.has_host) return fail_http("no Host");
    if (version_ == 10 && parser.has_encoding) return fail_http("Transfer-Encoding in HTTP/1.0");
    if (parser.has_encoding && parser.has_length)
        return fail_http("both Content-Length and Transfer-Encoding");
    if (version_ == 10) expects_continue_ = false;
    if (!resolve_target()) return fail_http("the request target");

    keep_alive_ = parser.keep_alive();
    chunked_ = parser.has_encoding;
    request_.headers = headers_;
    if (chunked_) {
        state_ = State::chunk_size;
        raw_ = head_size_;
        return read_chunks();
    }
    if (parser.length > body_bytes_) return fail(Errc::body_too_large, "limits.body_bytes");
    body_size_ = static_cast<std::size_t>(parser.length);
    state_ = State::sized_body;
    if (available() < head_size_ + body_size_) return Step::need_more;
    return complete(head_size_ + body_size_);
}

/// Leaves path and query (RFC 9112 section 3.2). A path that is not written out is made in place,
/// over a byte that nobody looks at any more.
bool RequestReader::resolve_target() {
    std::string_view target = request_.target;
    if (target.starts_with('/')) return true;
    const auto slash_at = [&](const char* place) {
        char* const in_buffer = message() + (place - message());
        *in_buffer = '/';
    };
    if (target == "*") {
        if (request_.method != "OPTIONS") return false;
        slash_at(target.data());
        return true;
    }
    std::size_t authority = 0;
    if (starts_with_word(target, "http://")) authority = 7;
    if (starts_with_word(target, "https://")) authority = 8;
    if (authority == 0) return false;
    const std::size_t path = std::min(target.find_first_of("/?", authority), target.size());
    if (path == authority || !host_is_valid(target.substr(authority, path - authority)))
        return false;
    if (path < target.size() && target[path] == '/') {
        request_.target = target.substr(path);
    } else {
        slash_at(target.data() + path - 1);
        request_.target = target.substr(path - 1);
    }
    return true;
}

RequestReader::Step RequestReader::complete(std::size_t message_size) {
    message_size_ = message_size;
    request_.headers = headers_;
    request_.body = {message() + head_size_, body_size_};
    return Step::request;
}

// ---- chunked bodies ----

std::size_t RequestReader::line_at_raw(std::size_t limit) const {
    const std::size_t window = std::min(available() - raw_, limit);
    const char* const line = message() + raw_;
    const void* const found = window > 0 ? std::memchr(line, '\n', window) : nullptr;
    if (found == nullptr) return window < limit ? 0 : kTooLong;
    const auto feed = static_cast<std::size_t>(static_cast<const char*>(found) - line);
    if (feed == 0 || line[feed - 1] != '\r') return kBareLineFeed;
    return feed + 1;
}

RequestReader::Step RequestReader::read_chunks() {
    for (;;) {
        switch (state_) {
            case State::chunk_size: {
                const std::size_t size = line_at_raw(kChunkLineMax);
                if (size == 0) return Step::need_more;
                if (size == kTooLong || size == kBareLineFeed) return fail_http("a chunk header");
                const std::string_view line{message() + raw_, size - 2};
                std::size_t digits = 0;
                chunk_left_ = 0;
                for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits) {
                    if (digits == 15) return fail_http("a chunk size");
                    chunk_left_ =
                        chunk_left_ * 16 + static_cast<std::uint64_t>(hex_digit(line[digits]));
                }
                const std::string_view rest = line.substr(digits);
                const std::size_t extension = rest.find_first_not_of(" \t");
                if (digits == 0 || (!rest.empty() && (extension == std::string_view::npos ||
                                                      rest[extension] != ';')))
                    return fail_http("a chunk size");
                if (std::ranges::any_of(rest, [](char c) {
                        const auto byte = static_cast<unsigned char>(c);
                        return (byte < ' ' && c != '\t') || byte == 127;
                    }))
                    return fail_http("a chunk extension");
                if (chunk_left_ > body_bytes_ - body_size_)
                    return fail(Errc::body_too_large, "limits.body_bytes");
                raw_ += size;
                state_ = chunk_left_ == 0 ? State::trailers : State::chunk_data;
                break;
            }
            case State::chunk_data: {
                const auto here = static_cast<std::size_t>(
                    std::min<std::uint64_t>(chunk_left_, available() - raw_));
                if (here == 0) return Step::need_more;
                std::memmove(message() + head_size_ + body_size_, message() + raw_, here);
                body_size_ += here;
                raw_ += here;
                chunk_left_ -= here;
                if (chunk_left_ == 0) state_ = State::chunk_end;
                break;
            }
            case State::chunk_end: {
                const char* const end = message() + raw_;
                const std::size_t here = available() - raw_;
                if ((here >= 1 && end[0] != '\r') || (here >= 2 && end[1] != '\n'))
                    return fail_http("a chunk longer than its size");
                if (here < 2) return Step::need_more;
                raw_ += 2;
                state_ = State::chunk_size;
                break;
            }
            default: {  // trailers: nobody may act on them, so they are dropped
                const std::size_t size = line_at_raw(header_bytes_ - trailer_bytes_);
                if (size == 0) return Step::need_more;
                if (size == kBareLineFeed) return fail_http("a trailer");
                if (size == kTooLong) return fail(Errc::headers_too_large, "trailers");
                raw_ += size;
                trailer_bytes_ += size;
                if (size == 2) return complete(raw_);
                break;
            }
        }
    }
}

}  // namespace lintas::accept
