#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::decode::jpeg {

/// Chroma of half width or height at the places of luma: three quarters of the nearest sample and one of the next one,
/// rounded up and down by turns ("fancy upsampling" of libjpeg). The samples before the first and after the last count;
/// there they are to be the same once more. What is read, and written, may reach kRowPadding beyond the end.

/// A row of twice as many samples.
void widen(const std::uint8_t* samples, std::size_t count, std::uint8_t* to);

/// A row of four times as many samples, each of them one of these: libjpeg smooths no chroma of a quarter's width.
void repeat(const std::uint8_t* samples, std::size_t count, std::uint8_t* to);

/// A row between two others, nearer to the first of them. `below`: the other lies below it.
void between(const std::uint8_t* near, const std::uint8_t* far, bool below, std::size_t count, std::uint8_t* to);

/// Both: a row between two others, of twice as many samples.
void widen_between(const std::uint8_t* near, const std::uint8_t* far, std::size_t count, std::uint8_t* to);

}  // namespace penstock::decode::jpeg
