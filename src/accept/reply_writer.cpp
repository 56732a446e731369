#include "accept/reply_writer.hpp"

#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/assert.hpp"

namespace lintas::accept {

namespace {

constexpr std::size_t kFirstCapacity = 4 * 1024;
constexpr std::size_t kKeptCapacity = 128 * 1024;
constexpr std::size_t kReferFrom = 8 * 1024;
constexpr std::size_t kFixedMax = 256;  // status line, Date, Content-Length, Connection, blank line

std::string_view reason_of(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 203:
            return "Non-Authoritative Information";
        case 204:
            return "No Content";
        case 205:
            return "Reset Content";
        case 206:
            return "Partial Content";
        case 300:
            return "Multiple Choices";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 402:
            return "Payment Required";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 412:
            return "Precondition Failed";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 416:
            return "Range Not Satisfiable";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 508:
            return "Loop Detected";
        default:
            return "";  // a reason phrase is optional (RFC 9112 section 4)
    }
}

char* put(char* at, std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    return at + text.size();
}

template <class Number>
char* put_number(char* at, Number number) {
    return std::to_chars(at, at + 20, number).ptr;
}

bool name_may_leave(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return static_cast<unsigned char>(c) > ' ' && c != ':' && c != 127;
    });
}

bool value_may_leave(std::string_view value) {
    bool clean = true;  // no early exit: the loop is a few vector instructions
    for (const char c : value) clean &= c != '\r' && c != '\n' && c != '\0';
    return clean;
}

bool is_framing(std::string_view name) {
    switch (name.size()) {
        case 4:
            return header_name_equal(name, "date");
        case 10:
            return header_name_equal(name, "connection");
        case 14:
            return header_name_equal(name, "content-length");
        case 17:
            return header_name_equal(name, "transfer-encoding");
        default:
            return false;
    }
}

}  // namespace

std::string_view date_line() {
    struct Cached {
        time_t second = -1;
        std::array<char, 48> text{};
        std::size_t size = 0;
    };
    thread_local Cached cached;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != cached.second) {
        // Not strftime: the names are fixed by RFC 9110 section 5.6.7, whatever the locale is.
        static constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
        static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
        tm parts{};
        ::gmtime_r(&now.tv_sec, &parts);
        char* at = cached.text.data();
        const auto two = [&at](int number) {
            *at++ = static_cast<char>('0' + number / 10);
            *at++ = static_cast<char>('0' + number % 10);
        };
        at = put(at, "Date: ");
        at = put(at, kDays.substr(static_cast<std::size_t>(parts.tm_wday) * 3, 3));
        at = put(at, ", ");
        two(parts.tm_mday);
        at = put(at, " ");
        at = put(at, kMonths.substr(static_cast<std::size_t>(parts.tm_mon) * 3, 3));
        at = put(at, " ");
        at = put_number(at, parts.tm_year + 1900);
        at = put(at, " ");
        two(parts.tm_hour);
        at = put(at, ":");
        two(parts.tm_min);
        at = put(at, ":");
        two(parts.tm_sec);
        at = put(at, " GMT\r\n");
        cached.size = static_cast<std::size_t>(at - cached.text.data());
        cached.second = now.tv_sec;
    }
    return {cached.text.data(), cached.size};
}

char* ReplyWriter::room(std::size_t bytes) {
    if (capacity_ - size_ < bytes) {
        const std::size_t grown = std::max({kFirstCapacity, capacity_ * 2, size_ + bytes});
        auto larger = std::make_unique_for_overwrite<char[]>(grown);
        if (size_ > 0) std::memcpy(larger.get(), text_.get(), size_);
        text_ = std::move(larger);
        capacity_ = grown;
    }
    return text_.get() + size_;
}

void ReplyWriter::end_text(const char* end) {
    const auto size = static_cast<std::size_t>(end - text_.get());
    LINTAS_ASSERT(size <= capacity_);
    pending_ += size - size_;
    size_ = size;
}

void ReplyWriter::append_continue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    end_text(put(room(kContinue.size()), kContinue));
}

void ReplyWriter::append(const Reply& reply, Framing framing) {
    const bool never_body = reply.status == 204 || reply.status == 304 || reply.status < 200;
    const std::size_t body_bytes = reply.body.size();
    const bool sends_body = !never_body && !framing.head;
    // Without a length the end of the body would be the end of the connection, so it always has
    // one; a 304 may only say the length of the 200 it stands for, which an empty body is not.
    const bool length =
        sends_body || (reply.status == 304 && reply.content_length && body_bytes > 0);

    std::size_t bound = kFixedMax;
    for (const auto& [name, value] : reply.headers) bound += name.size() + value.size() + 4;
    if (reply.ready) bound += reply.ready->size();
    char* at = room(bound);
    if (reply.status == 200) {
        at = put(at, "HTTP/1.1 200 OK\r\n");
    } else {
        at = put(at, "HTTP/1.1 ");
        at = put_number(at, std::clamp(reply.status, 100, 999));
        *at++ = ' ';
        at = put(at, reason_of(reply.status));
        at = put(at, "\r\n");
    }
    at = put(at, date_line());
    if (reply.ready) at = put(at, *reply.ready);
    for (const auto& [name, value] : reply.headers) {
        if (is_framing(name) || !name_may_leave(name) || !value_may_leave(value)) continue;
        at = put(at, name);
        at = put(at, ": ");
        at = put(at, value);
        at = put(at, "\r\n");
    }
    if (length) {
        at = put(at, "Content-Length: ");
        at = put_number(at, body_bytes);
        at = put(at, "\r\n");
    }
    if (framing.close || reply.close) {
        at = put(at, "Connection: close\r\n");
    } else if (framing.keep_alive_1_0) {
        at = put(at, "Connection: keep-alive\r\n");
    }
    end_text(put(at, "\r\n"));
    if (sends_body && body_bytes > 0) append_body(reply.body);
}

void ReplyWriter::append_body(const Body& body) {
    bool refers = false;
    for (const std::string_view piece : body.pieces) {
        if (piece.size() < kReferFrom) {
            end_text(put(room(piece.size()), piece));
            continue;
        }
        if (size_ > covered_) segments_.push_back({nullptr, covered_, size_ - covered_});
        covered_ = size_;
        segments_.push_back({piece.data(), 0, piece.size()});
        pending_ += piece.size();
        refers = true;
    }
    if (refers && body.keep) kept_.push_back(body.keep);
}

std::size_t ReplyWriter::gather(std::span<iovec> out) const {
    std::size_t count = 0;
    for (std::size_t i = first_; i < segments_.size() && count < out.size(); ++i) {
        const Segment& segment = segments_[i];
        const char* const from = segment.external ? segment.external : text_.get() + segment.offset;
        out[count++] = {const_cast<char*>(from), segment.size};
    }
    if (count < out.size() && size_ > covered_)
        out[count++] = {text_.get() + covered_, size_ - covered_};
    return count;
}

void ReplyWriter::consume(std::size_t n) {
    LINTAS_ASSERT(n <= pending_);
    pending_ -= n;
    if (pending_ == 0) {
        size_ = covered_ = first_ = 0;
        segments_.clear();
        kept_.clear();
        return;
    }
    while (n > 0 && first_ < segments_.size()) {
        Segment& segment = segments_[first_];
        const std::size_t taken = std::min(n, segment.size);
        if (segment.external)
            segment.external += taken;
        else
            segment.offset += taken;
        segment.size -= taken;
        n -= taken;
        if (segment.size == 0) ++first_;
    }
    covered_ += n;  // what is left of n lies in the text behind the segments
}

void ReplyWriter::reset() {
    size_ = covered_ = first_ = pending_ = 0;
    segments_.clear();
    kept_.clear();
    if (capacity_ > kKeptCapacity) {
        text_.reset();
        capacity_ = 0;
    }
}

}  // namespace lintas::accept
