/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A private header of ICU that libcore includes for one class: a StringEnumeration on top of the
 * public C enumeration.
 */
#pragma once

#include <string.h>

#include <unicode/strenum.h>
#include <unicode/uenum.h>
#include <unicode/unistr.h>

U_NAMESPACE_BEGIN

class UStringEnumeration : public StringEnumeration {
 public:
  explicit UStringEnumeration(UEnumeration* wrapped) : wrapped_(wrapped) {}
  ~UStringEnumeration() override { uenum_close(wrapped_); }

  static UStringEnumeration* fromUEnumeration(UEnumeration* wrapped, UErrorCode&) {
    return new UStringEnumeration(wrapped);
  }

  int32_t count(UErrorCode& status) const override { return uenum_count(wrapped_, &status); }

  const char* next(int32_t* length, UErrorCode& status) override {
    return uenum_next(wrapped_, length, &status);
  }

  const UnicodeString* snext(UErrorCode& status) override {
    int32_t length;
    const UChar* text = uenum_unext(wrapped_, &length, &status);
    if (text == nullptr || U_FAILURE(status)) return nullptr;
    return &unistr.setTo(text, length);
  }

  void reset(UErrorCode& status) override { uenum_reset(wrapped_, &status); }
  UClassID getDynamicClassID() const override { return nullptr; }

 private:
  UEnumeration* wrapped_;
};

U_NAMESPACE_END
