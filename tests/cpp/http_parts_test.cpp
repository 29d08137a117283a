/// The rules of the HTTP store, each by itself.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "storage/http/answer_head.h"
#include "storage/http/body.h"
#include "storage/http/certificates.h"
#include "storage/http/check_answer.h"
#include "storage/http/connection_limit.h"
#include "storage/http/pace.h"
#include "storage/http/retry_log.h"
#include "storage/http/retry_wait.h"
#include "storage/http/shown_url.h"
#include "storage/http/url_book.h"
#include "storage/http/versions.h"
#include "support/bytes.h"

namespace penstock::storage::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ShownUrl, LeavesOutWhatIsSecret) {
  EXPECT_EQ(shown_url("https://bucket.s3.amazonaws.com/a/b%20c?X-Amz-Signature=abc&x=y"),
            "https://bucket.s3.amazonaws.com/a/b%20c");
  EXPECT_EQ(shown_url("http://user:password@host:81/path#fragment?no"), "http://host:81/path");
  EXPECT_EQ(shown_url("http://user:pass@word@host/"), "http://host/");
  EXPECT_EQ(shown_url("https://host?sig=abc"), "https://host");
  EXPECT_EQ(shown_url("host/path@at?sig"), "host/path@at");
  EXPECT_EQ(shown_url("https://host/pa\x1b[31mth"), "https://host/pa[31mth");
  EXPECT_EQ(shown_url(""), "");
}

TEST(ShownUrl, TheOriginIsWhatCredentialsBelongTo) {
  EXPECT_EQ(origin_of("HTTPS://me@Host.Example:443/path?query"), "https://host.example:443");
  EXPECT_NE(origin_of("http://host/"), origin_of("https://host/"));
  EXPECT_NE(origin_of("http://host:1/"), origin_of("http://host:2/"));
  EXPECT_EQ(origin_of("http://good.example\\@evil.example/"), "http://good.example");
}

TEST(AnswerHead, TakesTheLastOfSeveralHeads) {
  AnswerHead head;
  for (const char* line : {"HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 206 Partial Content\r\n",
                           "content-LENGTH:  12 \r\n", "Content-Range: bytes 0-11/100\r\n", "ETag: \"a\"\r\n"}) {
    head.add(line);
  }
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(head.version, 11);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_EQ(head.etag, "\"a\"");
  EXPECT_FALSE(head.contradictory);
  head.add("Content-Length: 13\r\n");
  EXPECT_TRUE(head.contradictory);
}

TEST(AnswerHead, ReadsStatusLinesOfAllVersions) {
  for (const auto& [line, status, version] :
       {std::tuple{"HTTP/2 200 \r\n", 200, 20}, {"HTTP/1.0 404 Not Found\r\n", 404, 10}, {"HTTP/1.1\r\n", 0, 20}}) {
    AnswerHead head;
    head.add(line);
    EXPECT_EQ(head.status, status) << line;
    EXPECT_EQ(head.version, version) << line;
  }
}

TEST(AnswerHead, LengthsAreDigitsAlone) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "1 ", " 1", "0x1", "18446744073709551616", "1e3"}) {
    EXPECT_FALSE(parse_number(bad)) << bad;
  }
}

TEST(AnswerHead, ContentRangesAreReadOrRefused) {
  const auto range = parse_content_range("bytes 100-199/1000");
  ASSERT_TRUE(range && range->satisfied);
  EXPECT_EQ(range->begin, 100U);
  EXPECT_EQ(range->end, 200U);
  EXPECT_EQ(range->size, 1000U);
  const auto none = parse_content_range("Bytes */1000");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->satisfied);
  for (const char* bad : {"", "bytes", "bytes 1-2", "bytes 1-2/*", "bytes 2-1/10", "bytes 0-10/10", "items 0-1/10",
                          "bytes -1/10", "bytes a-b/c", "bytes 0-1/10, 3-4/10"}) {
    EXPECT_FALSE(parse_content_range(bad)) << bad;
  }
}

TEST(AnswerHead, RetryAfterIsSecondsOrADate) {
  EXPECT_EQ(parse_retry_after("7"), 7);
  EXPECT_EQ(parse_retry_after(""), 0);
  EXPECT_EQ(parse_retry_after("soon"), 0);
  EXPECT_EQ(parse_retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
  EXPECT_GT(parse_retry_after("Wed, 21 Oct 2099 07:28:00 GMT"), 1e6);
}

TEST(CheckAnswer, OfAnErrorDocumentOnlyACodeIsRepeated) {
  EXPECT_EQ(error_code_in("<Error><Code>SlowDown</Code><StringToSign>secret</StringToSign></Error>"), "SlowDown");
  EXPECT_EQ(error_code_in("<Error><Code>no word: secret=1</Code></Error>"), "");
  EXPECT_EQ(error_code_in("<Error><Code>Slow"), "");
}

TEST(CheckAnswer, XmlAndHtmlThatAreNoErrorsAreObjects) {
  AnswerHead head{.status = 200, .content_type = "application/xml"};
  EXPECT_FALSE(is_error_document(head, "<?xml version=\"1.0\"?><annotation/>"));
  EXPECT_TRUE(is_error_document(head, "\n<?xml version=\"1.0\"?><Error><Code>x</Code>"));
  EXPECT_FALSE(is_error_document(head, "<html>"));
  head.content_type = "text/html; charset=utf-8";
  EXPECT_TRUE(is_error_document(head, "<HTML>"));
}

TEST(Body, SkipsTakesAndStopsWhereTheRestIsLarge) {
  const test::ByteVector value = test::random_bytes(5'000'000, 1);
  Body body;
  body.begin({.skip = 1000, .take = 500, .size = value.size(), .whole = true});
  std::size_t done = 0;
  Body::Step step = Body::Step::kMore;
  while (step == Body::Step::kMore) {
    step = body.add(base::Bytes(value).subspan(done, 700));
    done += 700;
  }
  EXPECT_EQ(step, Body::Step::kEnough);
  EXPECT_EQ(done, 2100U);
  EXPECT_TRUE(body.complete());
  EXPECT_EQ(test::copy_of(body.take().view()), test::ByteVector(value.begin() + 1000, value.begin() + 1500));
}

TEST(Body, RefusesMoreThanWasStated) {
  const test::ByteVector value = test::random_bytes(101, 1);
  Body part;
  part.begin({.take = 100, .size = 1000});
  EXPECT_EQ(part.add(value), Body::Step::kTooLong);
  Body whole;
  whole.begin({.take = 100, .size = 100, .whole = true});
  EXPECT_EQ(whole.add(value), Body::Step::kTooLong);
}

TEST(Body, GrowsWhereNobodySaysHowLong) {
  const test::ByteVector value = test::random_bytes(3'000'000, 1);
  Body body;
  body.begin({.whole = true});
  for (std::size_t done = 0; done < value.size(); done += 16'000) {
    ASSERT_EQ(body.add(base::Bytes(value).subspan(done, std::min<std::size_t>(16'000, value.size() - done))),
              Body::Step::kMore);
  }
  EXPECT_EQ(body.object_size(), value.size());
  EXPECT_EQ(test::copy_of(body.take().view()), value);
}

TEST(RetryWait, IsJitterBelowADoublingBound) {
  RetryWait wait({.backoff_seconds = 0.1, .backoff_cap_seconds = 10}, 7);
  for (unsigned failed = 1; failed < 70; ++failed) {
    const double bound = std::min(10.0, 0.1 * std::exp2(failed - 1.0));
    double least = bound;
    double most = 0;
    for (int i = 0; i < 200; ++i) {
      const double one = wait.seconds(failed, 0);
      least = std::min(least, one);
      most = std::max(most, one);
    }
    EXPECT_LE(most, bound);
    EXPECT_GT(most, 0.9 * bound);
    EXPECT_LT(least, 0.1 * bound);
  }
}

TEST(RetryWait, ListensToTheServerUpToAMinute) {
  RetryWait wait({.backoff_seconds = 0.1, .backoff_cap_seconds = 10}, 7);
  EXPECT_EQ(wait.seconds(1, 5), 5);
  EXPECT_EQ(wait.seconds(1, 1e9), 60);
}

/// A link that brings `most` bytes a second in all, and `each` on one connection: rounds of answers as it would give.
unsigned limit_on(double most, double each, unsigned connections, int answers) {
  ConnectionLimit limit(connections);
  TimePoint now = Clock::now();
  constexpr double kBytes = 1e6;
  for (int i = 0; i < answers; ++i) {
    const double rate = std::min(most, each * limit.now());
    now += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(kBytes / rate));
    limit.on_answer(now, static_cast<std::uint64_t>(kBytes), true);
  }
  return limit.now();
}

TEST(ConnectionLimit, GrowsToAllWhileEachBringsMore) {
  EXPECT_EQ(limit_on(1e12, 5e6, 32, 200), 32U);
  EXPECT_EQ(limit_on(1e12, 5e6, 3, 200), 3U);
}

TEST(ConnectionLimit, StaysWhereMoreBringsNothing) {
  const unsigned limit = limit_on(60e6, 5e6, 200, 500);
  EXPECT_GE(limit, 12U);
  EXPECT_LE(limit, 32U);
}

TEST(ConnectionLimit, DoesNotGrowWhereItIsNotWhatLimits) {
  ConnectionLimit limit(32);
  TimePoint now = Clock::now();
  for (int i = 0; i < 1000; ++i) limit.on_answer(now += milliseconds(10), 1000, false);
  EXPECT_EQ(limit.now(), 8U);
}

TEST(ConnectionLimit, ABurstOfRefusalsHalvesItOnce) {
  ConnectionLimit limit(32);
  TimePoint now = Clock::now();
  for (int i = 0; i < 5; ++i) limit.on_throttled(now += milliseconds(10));
  EXPECT_EQ(limit.now(), 4U);
  for (int i = 0; i < 5; ++i) limit.on_throttled(now += seconds(4));
  EXPECT_EQ(limit.now(), 1U);
}

TEST(Pace, SaysWhatARequestIsWorth) {
  Pace pace;
  EXPECT_EQ(pace.bytes_worth_a_request(), 1U << 20);
  // 50 ms to the first byte, 20 MB/s: a million bytes.
  for (int i = 0; i < 20; ++i) pace.on_answer(2'000'000, milliseconds(50), milliseconds(100));
  EXPECT_NEAR(static_cast<double>(pace.bytes_worth_a_request()), 1e6, 1e3);
  for (int i = 0; i < 200; ++i) pace.on_answer(1'000'000, milliseconds(500), milliseconds(10));
  EXPECT_EQ(pace.bytes_worth_a_request(), 4U << 20);
  for (int i = 0; i < 200; ++i) pace.on_answer(1'000, std::chrono::microseconds(100), milliseconds(1));
  EXPECT_EQ(pace.bytes_worth_a_request(), 64U << 10);
}

TEST(Pace, SlowIsBeyondTheSlowestOfTheSameSize) {
  Pace pace;
  EXPECT_FALSE(pace.slow_after(1000));
  for (int i = 1; i <= 100; ++i) pace.on_answer(1000, milliseconds(i), milliseconds(1));
  ASSERT_TRUE(pace.slow_after(1000));
  EXPECT_GE(*pace.slow_after(1000), milliseconds(130));
  EXPECT_LE(*pace.slow_after(1000), milliseconds(150));
  EXPECT_FALSE(pace.slow_after(1 << 20));
}

TEST(Pace, OneRequestInTwentyIsDoubled) {
  HedgeBudget budget;
  int taken = 0;
  for (int i = 0; i < 2000; ++i) {
    budget.on_request();
    taken += budget.take() ? 1 : 0;
  }
  EXPECT_NEAR(taken, 100, 2);
  for (int i = 0; i < 2000; ++i) budget.on_request();
  for (taken = 0; budget.take();) ++taken;
  EXPECT_EQ(taken, 8);
}

TEST(UrlBook, GivesUrlsUntilShortlyBeforeTheyExpire) {
  UrlBook book;
  const TimePoint now = Clock::now();
  book.put("a", {.url = "u", .valid_for = 100}, now);
  EXPECT_TRUE(book.find("a", now));
  EXPECT_TRUE(book.find("a", now + seconds(89)));
  EXPECT_FALSE(book.find("a", now + seconds(91)));
  book.put("b", {.url = "u", .valid_for = 3600}, now);
  EXPECT_TRUE(book.find("b", now + seconds(3569)));
  EXPECT_FALSE(book.find("b", now + seconds(3571)));
  book.put("c", {.url = "u"}, now);
  EXPECT_TRUE(book.find("c", now + std::chrono::hours(10000)));
  EXPECT_FALSE(book.find("d", now));
}

TEST(UrlBook, ARefusedUrlRenewsAllOlderOnesOnce) {
  UrlBook book;
  const TimePoint start = Clock::now();
  book.put("a", {.url = "u"}, start);
  book.put("b", {.url = "u"}, start);
  const UrlBook::Shared a = book.find("a", start);
  const UrlBook::Shared b = book.find("b", start);
  EXPECT_FALSE(book.take_fresh_wanted());
  EXPECT_TRUE(book.renew(*a, start + seconds(60)));
  EXPECT_TRUE(book.take_fresh_wanted());
  EXPECT_FALSE(book.take_fresh_wanted());
  EXPECT_FALSE(book.find("b", start + seconds(60)));
  // The other one was refused for the same reason.
  EXPECT_TRUE(book.renew(*b, start + seconds(61)));
  EXPECT_FALSE(book.take_fresh_wanted());
  // Fresh ones that are refused are refused for good; long after, they may have expired too.
  book.put("a", {.url = "u"}, start + seconds(62));
  EXPECT_FALSE(book.renew(*book.find("a", start + seconds(62)), start + seconds(63)));
  book.put("a", {.url = "u"}, start + seconds(3000));
  EXPECT_TRUE(book.renew(*book.find("a", start + seconds(3000)), start + seconds(3001)));
}

TEST(UrlBook, ForgetsTheOldest) {
  UrlBook book;
  const TimePoint now = Clock::now();
  for (int i = 0; i < 20'000; ++i) book.put(std::to_string(i), {.url = "u"}, now);
  EXPECT_FALSE(book.find("0", now));
  EXPECT_TRUE(book.find("19999", now));
}

TEST(Versions, TheFirstOneStands) {
  Versions versions;
  EXPECT_TRUE(versions.agrees("a", "", 10));
  EXPECT_TRUE(versions.agrees("a", "\"1\"", 10));
  EXPECT_TRUE(versions.agrees("a", "", 10));
  EXPECT_FALSE(versions.agrees("a", "\"2\"", 10));
  EXPECT_FALSE(versions.agrees("a", "\"1\"", 11));
  EXPECT_EQ(versions.find("a")->size, 10U);
  EXPECT_FALSE(versions.find("b"));
}

TEST(RetryLog, SaysOnceForEachBurst) {
  RetryLog log;
  TimePoint now = Clock::now();
  const auto first = log.on_retry(now, "https://host/secret-path", "the server answered 500");
  ASSERT_TRUE(first);
  EXPECT_NE(first->find("https://host is"), std::string::npos) << *first;
  EXPECT_FALSE(log.on_retry(now += seconds(20), "https://host/", "x"));
  EXPECT_FALSE(log.on_retry(now += seconds(20), "https://host/", "x"));
  EXPECT_TRUE(log.on_retry(now += seconds(31), "https://host/", "x"));
}

TEST(Certificates, AreWhereTheyAreSaidToBe) {
  ASSERT_EQ(setenv("SSL_CERT_FILE", "/theirs.pem", 1), 0);
  EXPECT_EQ(system_certificates("/otherwise.pem"), "/theirs.pem");
  EXPECT_EQ(trusted_certificates({}).file, "/theirs.pem");
  unsetenv("SSL_CERT_FILE");
  EXPECT_NE(system_certificates(""), "/theirs.pem");
}

TEST(Certificates, ThoseOfTheOptionsStandBesideTheSystems) {
  const auto write = [](const std::string& name, const std::string& text) {
    std::string file = testing::TempDir() + name;
    std::ofstream(file) << text;
    return file;
  };
  HttpOptions options;
  options.ca_file = write("mine.pem", "mine");
  const std::string theirs = write("theirs.pem", "theirs");
  ASSERT_EQ(setenv("SSL_CERT_FILE", theirs.c_str(), 1), 0);
  EXPECT_EQ(trusted_certificates(options).text, "mine\ntheirs");
  EXPECT_EQ(trusted_certificates(options).file, "");
  ASSERT_EQ(setenv("SSL_CERT_FILE", "/there-is-none", 1), 0);
  EXPECT_EQ(trusted_certificates(options).text, "mine\n");
  unsetenv("SSL_CERT_FILE");
}

}  // namespace
}  // namespace penstock::storage::http
