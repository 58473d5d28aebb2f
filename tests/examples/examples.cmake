# Builds and runs the examples, and holds README.md to the first of them.
add_executable(example-first examples/first.c)
target_link_libraries(example-first PRIVATE atrous atrous_warnings)

add_test(NAME example_first COMMAND example-first)
set_tests_properties(example_first PROPERTIES LABELS cpu
    PASS_REGULAR_EXPRESSION " 0  1  0  2  0  1  0\n 0  0  0  0  0  0  0\n 0  2  0  4  0  2  0\n")

add_test(NAME example_first_in_readme
    COMMAND ${CMAKE_COMMAND} -DREADME=${PROJECT_SOURCE_DIR}/README.md
        -DEXAMPLE=${CMAKE_CURRENT_SOURCE_DIR}/examples/first.c
        -P ${CMAKE_CURRENT_SOURCE_DIR}/examples/readme.cmake)
set_tests_properties(example_first_in_readme PROPERTIES LABELS cpu)

# The examples on stacks, each on the CPU path and on a device.
function(atrous_example name)
    cmake_parse_arguments(PARSE_ARGV 1 ARG "" "" "DEVICES;ARGUMENTS;LIBRARIES")
    add_executable(example-${name} examples/${name}.c)
    target_link_libraries(example-${name} PRIVATE atrous atrous_warnings ${ARG_LIBRARIES} m)
    foreach(device ${ARG_DEVICES})
        if(device STREQUAL "cpu" OR ATROUS_OPENCL)
            add_test(NAME example_${name}.${device} COMMAND example-${name} ${ARG_ARGUMENTS})
            atrous_test_properties(example_${name}.${device} ${device})
            # Both write the same files.
            set_tests_properties(example_${name}.${device} PROPERTIES RESOURCE_LOCK example_${name})
        endif()
    endforeach()
endfunction()

set(pictures ${CMAKE_CURRENT_SOURCE_DIR}/data)
atrous_example(aspp_head DEVICES cpu pocl)
atrous_example(wavenet DEVICES cpu pocl ARGUMENTS wavenet.wav)
if(ATROUS_OPENCL)
    atrous_example(own_queue DEVICES pocl)
    set_tests_properties(example_own_queue.pocl PROPERTIES PASS_REGULAR_EXPRESSION "^1 1 1 0\n")
endif()
find_package(PNG)
if(PNG_FOUND)
    atrous_example(starlet_denoise DEVICES cpu pocl LIBRARIES PNG::PNG
        ARGUMENTS ${pictures}/hubble_512.png starlet_denoise.png)
    atrous_example(edge_avoiding DEVICES cpu pocl LIBRARIES PNG::PNG
        ARGUMENTS ${pictures}/coffee.png edge_avoiding.png)
endif()

add_executable(example-choose-dilations examples/choose_dilations.c)
target_link_libraries(example-choose-dilations PRIVATE atrous atrous_warnings)
add_test(NAME example_choose_dilations COMMAND example-choose-dilations)
set_tests_properties(example_choose_dilations PROPERTIES LABELS host
    PASS_REGULAR_EXPRESSION "dilations 1 3 8 8 see them all")
