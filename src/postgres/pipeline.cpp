#include "postgres/pipeline.hpp"

#include "base/assert.hpp"
#include "postgres/sqlstate.hpp"

namespace lintas::postgres {

void Unit::fail_rest(const Error& error) {
    broken = true;
    while (results.size() < statements.size()) results.push_back(fail(error));
}

void Pipeline::sent(Expect what, std::shared_ptr<Unit> unit) {
    if (what == Expect::sync) ++units_;
    expected_.push_back(Expected{what, std::move(unit)});
}

void Pipeline::record(Result<Rows> result) {
    Unit& unit = *expected_.front().unit;
    unit.results.push_back(std::move(result));
}

const std::string& Pipeline::text_in_front() const {
    const Unit& unit = *expected_.front().unit;
    return unit.statements[unit.results.size()].text;
}

void Pipeline::on_rows(Rows rows) {
    LINTAS_ASSERT(!expected_.empty());
    if (expected_.front().what == Expect::execute) record(std::move(rows));
}

void Pipeline::on_error(Error error) {
    LINTAS_ASSERT(!expected_.empty());
    Expected& front = expected_.front();
    switch (front.what) {
        case Expect::execute:
            // 26000: no such prepared statement. 0A000: its result type changed (DDL). Prepare it
            // anew.
            if (error.sqlstate == "26000" || error.sqlstate == "0A000") {
                unprepared_.push_back(text_in_front());
            }
            record(fail(std::move(error)));
            break;
        case Expect::prepare:
            unprepared_.push_back(text_in_front());
            prepare_error_ = std::move(error);
            break;
        case Expect::deallocate:
            break;  // an evicted statement that is gone already is no loss
        case Expect::sync:
            // The session was ended when its commands had been carried out, a COMMIT among them:
            // their results stand, and the loss of the connection follows.
            if (error.code != Errc::sql || ends_session(error.sqlstate) ||
                is_connection_exception(error.sqlstate))
                break;
            // An error of the implicit commit itself: it belongs to the last statement of the unit.
            if (front.unit->results.empty()) {
                front.unit->results.push_back(fail(std::move(error)));
            } else {
                front.unit->results.back() = fail(std::move(error));
            }
            break;
    }
}

void Pipeline::on_skipped() {
    LINTAS_ASSERT(!expected_.empty());
    const Expected& front = expected_.front();
    if (front.what == Expect::prepare) {
        unprepared_.push_back(text_in_front());
    } else if (front.what == Expect::execute) {
        if (prepare_error_) {
            record(fail(std::move(*prepare_error_)));
            prepare_error_.reset();
        } else {
            record(fail(Errc::cancelled, "skipped after an earlier error"));
        }
    }
}

void Pipeline::on_end() {
    LINTAS_ASSERT(!expected_.empty() && expected_.front().what != Expect::sync);
    expected_.pop_front();
}

std::shared_ptr<Unit> Pipeline::on_sync() {
    LINTAS_ASSERT(front_is_sync());
    std::shared_ptr<Unit> unit = std::move(expected_.front().unit);
    expected_.pop_front();
    --units_;
    prepare_error_.reset();
    return unit;
}

std::vector<std::shared_ptr<Unit>> Pipeline::on_lost(const Error& error) {
    std::vector<std::shared_ptr<Unit>> lost;
    for (Expected& expected : expected_) {
        if (expected.what != Expect::sync) continue;
        expected.unit->fail_rest(error);
        lost.push_back(std::move(expected.unit));
    }
    expected_.clear();
    units_ = 0;
    return lost;
}

}  // namespace lintas::postgres
