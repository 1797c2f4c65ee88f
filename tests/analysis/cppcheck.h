/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: The Tuffet authors */
/*
 * Role: macros of libraries' headers, which cppcheck does not read (scripts/analysis).
 */
#define json_array_foreach(array, i, value) \
    for (i = 0; ((value) = json_array_get(array, i)) != 0; i++)
#define json_object_foreach(object, key, value)                                       \
    for (key = json_object_iter_key(json_object_iter(object));                        \
         key && ((value) = json_object_iter_value(json_object_key_to_iter(key))) != 0; \
         key = json_object_iter_key(json_object_iter_next(object, json_object_key_to_iter(key))))
